"""Embeds passages that are indexed already with another model, into another index."""

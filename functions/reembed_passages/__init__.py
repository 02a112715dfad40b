"""Embeds indexed passages with another model, into another index."""

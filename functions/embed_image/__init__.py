"""Embeds pictures and texts by a CLIP that a stage trained; which version, an operator says."""

"""Captions pictures by a BLIP-2 that a stage trained; which version, an operator says."""

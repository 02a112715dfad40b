"""Draws pictures by the models that a stage trained; which version, an operator says."""

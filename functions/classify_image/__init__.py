"""Tells classes of pictures by their names, with a CLIP that a stage trained."""

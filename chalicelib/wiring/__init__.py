"""Composition roots: each builds the objects of one entry point or subject for a stage."""

"""Moves a tenant to another embedding model, in bounded steps."""

"""Handlers to be put into model packages, as `code/inference.py`."""

"""Learns where a document ends within a file of several: the weights of `packets/boundaries.py`."""

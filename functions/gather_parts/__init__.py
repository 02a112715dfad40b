"""Puts together what many workers made of the parts of a large file, and counts it."""

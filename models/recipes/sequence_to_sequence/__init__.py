"""Sequence to sequence: a text is read, and another is written."""

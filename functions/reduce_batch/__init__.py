"""Counts the outcomes of a batch and writes its results."""

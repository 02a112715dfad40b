"""Counts the outcomes of a batch and puts its results together."""

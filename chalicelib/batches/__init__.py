"""Batches: files of model calls, answered item by item, and their ordered results."""

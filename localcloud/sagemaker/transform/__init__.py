"""Batch transform jobs: a model's container is invoked for every object of an input."""

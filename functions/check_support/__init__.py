"""Checks which claims of an answer their sources support; runs a model and nothing else."""

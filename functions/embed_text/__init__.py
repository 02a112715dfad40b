"""Embeds texts; runs a model and nothing else."""

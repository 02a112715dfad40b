"""Scores how well passages match a query; runs a model and nothing else."""

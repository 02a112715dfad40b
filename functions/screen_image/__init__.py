"""Estimates how likely an image is pornographic; runs a model and nothing else."""

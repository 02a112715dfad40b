"""Hyperparameter tuning jobs: training jobs with settings chosen by the results of earlier ones.

The training jobs of a tuning job are ordinary ones; nothing else runs.
"""

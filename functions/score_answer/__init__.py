"""Scores answers by the reward models that a stage trained."""

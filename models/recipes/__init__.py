"""Recipes: one folder each, with its settings, network, loss, evaluation and export."""

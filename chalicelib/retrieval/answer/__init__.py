"""Answers with citations: rewriting, evidence, generation, support check, and log."""

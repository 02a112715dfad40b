"""Answers with citations: rewriting, evidence, generation, the support check, and the log."""

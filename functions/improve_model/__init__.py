"""Improves a served model by what reviewers prefer, step by step."""

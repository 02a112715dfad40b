"""Answers and grades some cases of a suite."""

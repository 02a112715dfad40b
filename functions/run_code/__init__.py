"""Runs code that a model wrote against tests, in an interpreter that can reach nothing."""

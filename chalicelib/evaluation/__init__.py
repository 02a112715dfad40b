"""Evaluations: suites are run against prompts, models and asks, graded, compared and reported."""

"""Evaluations: suites of cases, how answers are graded, and what came of them."""

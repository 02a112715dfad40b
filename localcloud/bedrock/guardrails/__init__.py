"""Guardrails by rules: words, regular expressions, and personal data that has a pattern."""

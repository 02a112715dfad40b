"""Guardrails that go by rules: words, patterns, and personal data that a rule can tell."""

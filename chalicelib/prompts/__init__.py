"""Prompts: templates rendered in a sandbox, typed variables, and the calls that result."""

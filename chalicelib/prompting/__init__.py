"""Prompts: their templates in a sandbox, their variables by type, and the calls that they make."""

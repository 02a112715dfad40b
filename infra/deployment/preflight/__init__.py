"""Checks before a deployment, all run before the first result is shown."""

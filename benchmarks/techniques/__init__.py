"""Techniques of prompting, each beside a plain prompt on the same tasks."""

"""Measures of speech recognition, beside a peer."""

"""Spans of texts to classes, by an encoder with a head on each token."""

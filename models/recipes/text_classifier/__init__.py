"""Texts to classes, by an encoder with a head."""

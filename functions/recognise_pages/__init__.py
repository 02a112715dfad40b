"""Recognises the text on the scanned pages of a PDF."""

"""Recognises the text on pages of a PDF that are pictures of text."""

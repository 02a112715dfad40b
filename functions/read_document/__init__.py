"""Reads an uploaded file: its type by content, its text by pages."""

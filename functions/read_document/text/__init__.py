"""Formats that are text: plain text, code, markup, tables, JSON and XML."""

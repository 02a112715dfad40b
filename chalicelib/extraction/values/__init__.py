"""Typed values in running text and cells: found with exact offsets, read and normalised."""

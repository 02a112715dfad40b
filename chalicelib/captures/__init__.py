"""Captured calls: which are kept, how they are masked, and how they are written."""

"""Reads a file of calls, tells items from what is none, and estimates what they cost."""

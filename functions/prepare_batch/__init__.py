"""Reads a file of calls, separates valid items from invalid lines, and estimates costs."""

"""Finds content in texts that should not enter or leave a model; runs only rules."""

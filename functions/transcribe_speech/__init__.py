"""Writes down speech with the time and the speaker of each word."""

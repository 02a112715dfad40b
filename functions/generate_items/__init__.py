"""Answers a few items of a batch, several at once."""

"""Data sets: one module each, whose `prepare` writes a channel."""

"""Data sets that recipes train on: each module prepares one as a channel."""

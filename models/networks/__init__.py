"""Architectures that several recipes train or build on. One that a single recipe has is its own."""

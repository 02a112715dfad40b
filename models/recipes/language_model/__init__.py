"""A decoder-only language model of English definitions."""

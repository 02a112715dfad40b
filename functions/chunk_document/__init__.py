"""Cuts the pages of a document into passages that the embedding model can read whole."""

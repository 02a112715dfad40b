"""Removes the documents of a collection, or a whole tenant, in bounded steps."""

"""Removes the documents of a collection, or a tenant whole, in bounded steps."""

"""Hybrid search: from a query to ranked passages of the current documents of a tenant."""

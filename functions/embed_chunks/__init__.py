"""Embeds the passages of a document and puts their vectors into the tenant's index."""

"""Buckets on disk: the catalogue in SQLite, the blobs, and the transactions over both."""

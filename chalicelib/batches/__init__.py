"""Batches as pure rules: lines read, items estimated, rounds counted, results put together."""

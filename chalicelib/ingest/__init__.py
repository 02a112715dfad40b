"""Ingest: uploads start the `ingest` state machine, and its executions are settled."""

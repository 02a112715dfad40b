"""Labelling: queues of items, claims of reviewers, their agreement, and what is exported."""

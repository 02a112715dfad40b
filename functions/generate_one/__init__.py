"""Answers the one call of a job, and stores its result."""

"""Answers the one call of a job, and writes its result down."""

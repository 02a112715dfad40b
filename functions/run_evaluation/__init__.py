"""Prepares an evaluation, and puts its results together."""

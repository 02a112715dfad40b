"""Rollouts: a version takes over from the live one in stages, while guards look on. Pure."""

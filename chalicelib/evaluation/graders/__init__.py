"""Graders of answers, each a small class; `table` has all of them."""

"""Generative adversarial networks of small pictures: one draws, one tells drawn from real."""

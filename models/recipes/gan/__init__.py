"""Generative adversarial networks of small pictures: a generator and a critic."""

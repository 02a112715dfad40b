"""Boundaries of shots in films whose changes are known, beside a network trained for them."""

"""Judges of what models make, none of which was used in their training."""

"""One folder a recipe; `models/common/family.py` says what is in it."""

"""Calls in each API's own words, and back."""

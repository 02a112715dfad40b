"""Compares recipes that draw: the same pictures, seconds of a processor, and judge."""

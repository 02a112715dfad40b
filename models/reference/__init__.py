"""Oracles: plain implementations of the papers' mathematics in NumPy and float64."""

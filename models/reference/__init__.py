"""Oracles: the mathematics of the recipes in NumPy and float64, as plain as the papers have it.

They are slow and exact. Tests hold them to published values and to torch, and the recipes' own code
to them. Nothing that trains or serves uses them.
"""

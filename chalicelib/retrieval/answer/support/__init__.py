"""The support check: whether a source entails a claim.

Figures and names are compared by rules, the rest is decided by a model that the caller gives.
"""

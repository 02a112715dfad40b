"""The support check: rules that say whether a source supports a claim.

They compare numbers, names, sense and scope, and use cosines of word vectors that the caller has
from a model.
"""

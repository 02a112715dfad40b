"""The support check: rules that decide whether a source supports a claim.

They compare numbers, names, sense and scope, and use cosines of word vectors that the caller gets
from a model.
"""

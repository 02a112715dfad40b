"""The support check: does a source hold up a claim, in its numbers, names, sense and scope?

Pure rules on words, and on likenesses of words that whoever calls has from a model.
"""

"""Vectors of texts by which queries find passages, by an encoder tuned on pairs of both."""

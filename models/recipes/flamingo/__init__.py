"""Flamingo: a frozen language model that looks at pictures through gated cross-attention."""

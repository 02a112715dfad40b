"""A language model whose pre-training goes on with text of another domain."""

"""The bodies of InvokeModel, by family of models: each to Converse and back."""

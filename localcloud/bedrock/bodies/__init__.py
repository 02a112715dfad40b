"""Request and response bodies of InvokeModel by family of models, in terms of Converse."""

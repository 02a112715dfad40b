"""Base models: folders of weights, settings and tokenizer that a training begins from."""

"""A base decoder that is tuned by rewards of its own answers, which can be verified."""

"""A base decoder that is tuned on conversations."""

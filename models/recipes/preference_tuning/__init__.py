"""A base decoder that is tuned on preference pairs."""

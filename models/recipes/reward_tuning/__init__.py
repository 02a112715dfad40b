"""A base decoder that is tuned to score answers by pairs of which one is preferred."""

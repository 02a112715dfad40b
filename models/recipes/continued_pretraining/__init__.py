"""A base decoder whose pre-training goes on with texts of a domain."""

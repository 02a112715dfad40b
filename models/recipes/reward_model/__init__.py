"""A reward model: what people like better, as one number for a text."""

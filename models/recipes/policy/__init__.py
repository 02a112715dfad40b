"""A language model of short reviews, from which preferences begin."""

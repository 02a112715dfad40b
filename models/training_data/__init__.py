"""Training data of a user's own: kinds of rows, prepared channels, and the checks before them."""

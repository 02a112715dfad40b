"""Two towers that put a user's pictures and their captions into one space, tuned from a base."""

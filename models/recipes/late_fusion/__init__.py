"""A picture and a title to a class, against either alone."""

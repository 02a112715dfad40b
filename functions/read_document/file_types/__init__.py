"""The type of a file, told by its content."""

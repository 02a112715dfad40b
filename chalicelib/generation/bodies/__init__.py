"""Request bodies of each model API, and the parsing of its answers. All of it is pure."""

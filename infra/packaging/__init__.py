"""Packaging of the source tree for AWS: a template, and a bundle for each function."""

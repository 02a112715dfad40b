"""Joins the results of the workers that read the parts of a large file, and checks them."""

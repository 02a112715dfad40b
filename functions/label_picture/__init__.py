"""Tells what is seen in a picture, of a document or of a query."""

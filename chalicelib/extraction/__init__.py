"""Values of a JSON Schema from documents, each with the words that it was read from."""

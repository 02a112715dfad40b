"""Learning of how well a schema fits a document."""

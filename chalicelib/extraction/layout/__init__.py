"""What stands where in a document: lines of cells, blocks, labels and tables."""

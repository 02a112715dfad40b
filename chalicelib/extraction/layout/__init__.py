"""Layout of documents: lines of cells, blocks, labels and tables."""

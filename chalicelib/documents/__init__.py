"""Text of pages from the pieces found on them: shared by the functions that read files."""

"""PDF: the text layer of pages, with tables and headings."""

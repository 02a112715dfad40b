"""Office documents and books: OOXML, OpenDocument, RTF and EPUB."""

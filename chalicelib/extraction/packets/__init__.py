"""Packets: files that hold several documents, such as a stack that was scanned."""

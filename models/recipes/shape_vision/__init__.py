"""A small tower that sees drawn shapes, trained by the words of captions."""

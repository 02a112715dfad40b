"""Plain text: paragraphs as they stand."""

from __future__ import annotations

from itertools import groupby

from functions.read_document.pages import Block


def blocks(text: str) -> list[Block]:
    """Return the paragraphs of `text`, which blank lines and form feeds part."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").split("\n")
    return [
        Block("\n".join(paragraph))
        for blank, paragraph in groupby(lines, key=lambda line: not line.strip())
        if not blank
    ]

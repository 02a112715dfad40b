"""Plain text: paragraphs as they stand."""

from __future__ import annotations

import re

from functions.read_document.pages import Block

_BETWEEN = re.compile(r"\n[^\S\n]*\n\s*?(?=\S|[^\S\n]+\S)|\f")


def blocks(text: str) -> list[Block]:
    """Return the paragraphs of `text`, which blank lines part."""
    return [Block(part) for part in _BETWEEN.split(text.replace("\r\n", "\n").replace("\r", "\n"))]

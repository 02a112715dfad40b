"""Readers of text and addresses, which have no form of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.values.characters import stripped
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ValueMatch

MAX_TEXT = 10_000
"""The most characters of one value."""
_LINE = re.compile(r"[^\n\r\u2028\u2029|\t]+")
_LINES = re.compile(r"[^\S\n\r]*[\n\r]+\s*")
_FOUND = 0.5


class TextReader:
    """Takes whole lines and cells; spaces within become one."""

    kind = LeafKind.TEXT

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield each line and each cell of a row as a value."""
        for found in _LINE.finditer(text):
            match = self.read(found.group(), hints)
            if match is not None:
                start = found.start()
                yield replace(
                    match, start=start + match.start, end=start + match.end, quality=_FOUND
                )

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the whole text, None if it is empty or longer than MAX_TEXT characters."""
        start, end = stripped(text)
        if not 0 < end - start <= MAX_TEXT:
            return None
        return ValueMatch(start, end, " ".join(text[start:end].split()))


class AddressReader:
    """Takes whole blocks; their lines are joined by commas."""

    kind = LeafKind.ADDRESS

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the whole text as one value."""
        match = self.read(text, hints)
        if match is not None:
            yield replace(match, quality=_FOUND)

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the whole text in one line, or None if it is empty."""
        start, end = stripped(text)
        if not 0 < end - start <= MAX_TEXT:
            return None
        lines = (" ".join(line.split()).rstrip(",; ") for line in _LINES.split(text[start:end]))
        value = ", ".join(line for line in lines if line)
        return ValueMatch(start, end, value) if value else None

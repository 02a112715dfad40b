"""A text read from left to right, as the parsers of paths and of intrinsic functions read it."""

from __future__ import annotations

import re


class Scanner:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        """Begin at the start of `text`."""
        self.text = text
        self.at = 0

    def complaint(self, why: str) -> str:
        """Return `why`, with where in the text it is so."""
        return f"{why} at position {self.at} of '{self.text}'"

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what `pattern` matches here, if it does."""
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def skip(self, symbol: str) -> bool:
        """Read spaces and then `symbol`; without the symbol, nothing is read."""
        start = self.at
        while self.text[start : start + 1].isspace():
            start += 1
        if self.text.startswith(symbol, start):
            self.at = start + len(symbol)
            return True
        return False

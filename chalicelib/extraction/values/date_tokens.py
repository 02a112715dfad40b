"""The tokens of text in which dates are looked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.extraction.values.characters import folded, normal_word, shape

_TOKEN = re.compile(r"0+|a+(?:\.a+)*+|[^\s]|\s+")

ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
"""The years before the first one of Japan's eras. https://en.wikipedia.org/wiki/Japanese_era_name"""


@dataclass(frozen=True, slots=True)
class DateToken:
    """A word, a number, a mark or a space.

    Attributes:
        start: Its first character.
        end: The character after the last one.
        shape: "0" for a number, "a" for a word, else the mark itself.
        word: The characters as tables have them, digits of ASCII.
    """

    start: int
    end: int
    shape: str
    word: str

    @property
    def is_number(self) -> bool:
        """Return whether it is digits."""
        return self.shape == "0"


def date_tokens(text: str) -> list[DateToken]:
    """Return words, numbers, marks and spaces; letters of CJK stand each for itself."""
    plain, shapes = folded(text), shape(text)
    tokens: list[DateToken] = []
    for found in _TOKEN.finditer(shapes):
        start, end = found.span()
        written = plain[start:end]
        kind = shapes[start]
        if kind == "a" and end - start > 1 and is_ideographic(written):
            tokens += _ideographic(written, start)
        else:
            word = written if kind != "a" else normal_word(written)
            tokens.append(DateToken(start, end, kind, word))
    return tokens


def is_ideographic(word: str) -> bool:
    """Return whether a word has Chinese characters or Hangul, of which each may be a word."""
    return any("\u3400" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7af" for letter in word)


def _ideographic(word: str, start: int) -> Iterator[DateToken]:
    """Yield the names of eras as words, and any other letter for itself."""
    place = 0
    while place < len(word):
        length = 2 if word[place : place + 2] in ERAS else 1
        written = word[place : place + length]
        yield DateToken(start + place, start + place + length, "a", written)
        place += length

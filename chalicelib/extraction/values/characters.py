"""Text with one form of each digit, space, dash and quote, character for character.

Each character becomes exactly one, so that an offset in the folded text is the offset in the text.
"""

from __future__ import annotations

import unicodedata

_PLAIN = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2018\u2019\u02bc\u02b9\u2032\u00b4\uff07\u05f3", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u05f4", '"'),
    "\u066a": "%",
    "\ufe6a": "%",
    "\u060c": ",",
    "\u2e41": ",",
    "\u3001": ",",
    "\u3002": ".",
    "\u2044": "/",
    "\u2215": "/",
    "\u2236": ":",
}
_DIRECTIONS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)
"""Marks that say in which direction text runs; they stand between words, as space does."""
_SHAPES = {"L": "a", "M": "a", "N": "0", "Z": " "}
"""Class of a character, by the first letter of its Unicode category."""


class _Folding(dict[int, str]):
    """Folds characters, each once."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        folded = letter
        if letter in _PLAIN:
            folded = _PLAIN[letter]
        elif unicodedata.decimal(letter, None) is not None:
            folded = str(unicodedata.decimal(letter))
        elif unicodedata.category(letter) == "Zs" or letter in _DIRECTIONS:
            folded = " "
        elif 0xFF01 <= code <= 0xFF5E:
            folded = chr(code - 0xFEE0)
        self[code] = folded
        return folded


class _Shapes(dict[int, str]):
    """Takes letters and marks for `a`, digits for `0`; what is invisible belongs to its word."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        category = unicodedata.category(letter)
        if unicodedata.decimal(letter, None) is not None:
            shape = "0"
        elif category in ("Nl", "No"):
            shape = "?"
        elif letter in _DIRECTIONS:
            shape = " "
        elif category == "Cf":
            shape = "a"
        else:
            shape = _SHAPES.get(category[0], letter if letter.isascii() else "?")
        self[code] = "\n" if letter in "\n\r\x0b\x0c\u2028\u2029\x85" else shape
        return self[code]


_FOLDING = _Folding()
_SHAPING = _Shapes()


def folded(text: str) -> str:
    """Return the text with digits, spaces, dashes and quotes of ASCII, of the same length."""
    return text if text.isascii() else text.translate(_FOLDING)


def shape(text: str) -> str:
    """Return the text of the same length with letters and marks as `a` and digits as `0`."""
    return text.translate(_SHAPING)


def joins_word(letter: str) -> bool:
    """Return whether a character beside a value makes it a part of a word or a longer code.

    Letters without case do not: Chinese, Japanese, Thai and others write no space between a word
    and the number after it.
    """
    return letter == "_" or letter.isdigit() or letter.lower() != letter.upper()


def normal_word(word: str) -> str:
    """Return a word as tables have it: NFKC, no case, no full stops around it."""
    folded_case = unicodedata.normalize("NFKC", word).casefold()
    return unicodedata.normalize("NFC", folded_case).strip(". ")


def stripped(text: str) -> tuple[int, int]:
    """Return the first and last place of a text without space and marks of direction around it."""
    plain = folded(text)
    start = len(plain) - len(plain.lstrip())
    return start, max(start, len(plain.rstrip()))

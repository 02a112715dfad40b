"""Parts of a line of text that may be a value by themselves: between its separators and commas."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_PARTS = 16
"""Parts of one line, at most."""
MAX_LABEL_WORDS, MAX_WORDS = 4, 12
"""Words that may be a label beside a value without a sign between, and words of such a part."""
COLONS = ":\uff1a"
_SEPARATOR = re.compile(
    r"\s*[;|\u2022\uff1b]\s*"
    r"|\s+[=\u2013\u2014/-]\s+"
    r"|\s*(?:[-.\u00b7_\u2026]\s?){3,}\s*"
    r"|\s{3,}"
    r"|(?<=[^\W_]{3})\.\s+"
    r"|\s*[()]\s*"
)
_COMMA = re.compile(r",\s+")
_WORD = re.compile(r"\S+")

Part = tuple[int, int]
"""First and last character, the last not included."""


def cell_parts(text: str) -> Iterator[Part]:
    """Yield the parts of a cell's text that may be a value, the whole text first."""
    if text[-1:] not in COLONS and any(map(str.isalnum, text)):
        yield 0, len(text)
    parts = separated_parts(text)
    for start, end in [(0, len(text)), *parts]:
        piece = text[start:end]
        for first, last in (*filter(None, [_after_colon(piece)]), *_comma_parts(piece)):
            yield start + first, start + last
    yield from parts


def last_part(text: str) -> Part | None:
    """Return what stands behind the last sign of a line, None without one."""
    parts = [*separated_parts(text)[1:], *filter(None, [_after_colon(text)])]
    return max(parts, default=None)


def label_rests(text: str) -> Iterator[Part]:
    """Yield what words at the ends of a text's parts leave: these words may be a label."""
    for start, end in separated_parts(text) or [(0, len(text))]:
        for first, last in _word_rests(text[start:end]):
            yield start + first, start + last


def separated_parts(text: str) -> list[Part]:
    """Return the parts between signs such as `;`, `|` and ` - `, none without such a sign."""
    parts = list(_between(text, _SEPARATOR))[:MAX_PARTS]
    return [] if parts == [(0, len(text))] else parts


def _comma_parts(text: str) -> Iterator[Part]:
    """Yield what stands before each comma and behind it: names and addresses in one line."""
    pieces = list(_between(text, _COMMA))
    if not 1 < len(pieces) <= MAX_PARTS // 2:
        return
    for piece in pieces[:-1]:
        yield pieces[0][0], piece[1]
    for piece in pieces[1:]:
        yield piece[0], pieces[-1][1]


def _after_colon(text: str) -> Part | None:
    """Return what stands behind the first colon, None without one."""
    at = min((place for sign in COLONS if (place := text.find(sign)) > 0), default=-1)
    value = text[at + 1 :]
    if at < 0 or not value.strip():
        return None
    return at + 1 + len(value) - len(value.lstrip()), len(text)


def _word_rests(text: str) -> Iterator[Part]:
    """Yield what the first or the last words of a text without a colon leave.

    These words may be a label.
    """
    words = list(_WORD.finditer(text))
    if any(sign in text for sign in COLONS) or len(words) > MAX_WORDS:
        return
    for word in words[1 : MAX_LABEL_WORDS + 1]:
        yield word.start(), len(text)
    for word in words[-MAX_LABEL_WORDS - 1 : -1]:
        yield 0, word.end()


def _between(text: str, sign: re.Pattern[str]) -> Iterator[Part]:
    at = 0
    for found in sign.finditer(text):
        piece = text[at : found.start()].rstrip()
        if any(map(str.isalnum, piece)):
            yield at, at + len(piece)
        at = found.end()
    if any(map(str.isalnum, text[at:])):
        yield at, len(text)

"""Whether a stretch of a file holds the expected answer, by words, whatever marks stand between."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chalicelib.contracts.ingest import Page

_WORD = re.compile(r"\w+")
_HYPHENATED = re.compile(r"(?<=\w)-\s*\n\s*(?=[a-z])")
_OVERLAP = 0.5
"""The share of an expected answer that a stretch has to overlap if it does not hold all of it."""

Range = tuple[int, int]


def normalized(text: str) -> str:
    """Return the words of `text`, folded, each between single spaces."""
    joined = _HYPHENATED.sub("", text)
    return f" {' '.join(_WORD.findall(joined.casefold()))} "


def holds(text: str, answers: Sequence[str]) -> bool:
    """Return whether `text` holds one of `answers` word by word; one without a word as it is."""
    words = normalized(text)
    flat = " ".join(text.split())
    return any(
        wanted in words if (wanted := normalized(answer)).strip() else answer in flat
        for answer in answers
    )


def answer_ranges(page: Page, answers: Sequence[str]) -> list[Range]:
    """Return where `page` has one of `answers`, in characters."""
    words = [(match.group().casefold(), match.span()) for match in _WORD.finditer(page.text)]
    folded = [word for word, _ in words]
    found: list[Range] = []
    for answer in answers:
        wanted = _WORD.findall(answer.casefold())
        count = len(wanted)
        starts = range(len(folded) - count + 1) if count else ()
        found += [
            (words[at][1][0], words[at + count - 1][1][1])
            for at in starts
            if folded[at : at + count] == wanted
        ]
    return found


def overlaps(start: int, end: int, ranges: Sequence[Range]) -> bool:
    """Return whether `start` to `end` overlaps at least half of one of `ranges`."""
    return any(
        min(end, last) - max(start, first) >= _OVERLAP * (last - first) for first, last in ranges
    )

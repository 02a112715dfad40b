"""The white space between the words of a page, which cuts its lines into cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.documents.boxes import MARKER

if TYPE_CHECKING:
    from chalicelib.contracts.page_words import WordBox

LEADERS = re.compile(r"(?:[.…·_][^\S\n]?){3,}")
"""Dots or a line that lead from a label to its value."""
_NARROW, _WIDER, _FEW = 0.7, 1.6, 2
"""A gap parts cells from so many line heights and so many times the usual gap on; a line has its
own usual gap if it has more gaps than a few."""
_WIDEST = 2.0
"""A gap of so many line heights parts cells in any text."""
_SIGN, _WIDE_SIGN, _SPACED = 0.7, 1.1, 0.35
"""Line heights of a sign that has no box, of a wide one, and of the space beside it."""
_LONG, _MANY, _EVEN, _MOST = 5, 10, 0.04, 0.7
"""Letters of a word, and number of such words, that tell whether all letters are as wide: the
widths a letter then differ by no larger share in most of them. A page's foot may be smaller."""
_WIDE = frozenset("&@%+=—")
_INK = 0.3
"""Share of a letter's width by which the ink of a word is narrower than its letters."""
_SPACE = re.compile(r"\s")


class WordGaps:
    """The white space between the words of a page, which cuts its lines into cells.

    A gap parts two cells if it is wider than those within the texts of the page and of its line
    are: columns may stand close, and justified lines and letters of one width stand wide.
    """

    def __init__(
        self, text: str, placed: Sequence[WordBox], spans: Sequence[tuple[int, int]]
    ) -> None:
        self._text, self._placed, self._spans = text, placed, spans
        self._pitch = _pitch(placed)
        # Spaces are alike, and the narrowest of what parts columns: a quarter is below neither.
        inner = [
            gap
            for left, right in pairwise(range(len(placed)))
            if placed[right].start - placed[left].end == 1
            and 0 < (gap := self._gap(left, right)) < _WIDEST
        ]
        self._usual = _quarter(inner)

    def cut(self, members: Sequence[int]) -> list[list[int]]:
        """Return the words of a line, given from the left, in cells."""
        gaps = [self._gap(left, right) for left, right in pairwise(members)]
        inner = [gap for gap in gaps if gap < _WIDEST]
        usual = max(self._usual, _quarter(inner) if len(inner) > _FEW else 0.0)
        least = min(_WIDEST, max(_NARROW, _WIDER * usual))
        cells = [[members[0]]]
        for gap, at in zip(gaps, members[1:], strict=True):
            if gap >= least or self._is_led(cells[-1][-1], at):
                cells.append([at])
            else:
                cells[-1].append(at)
        if len(cells) == 2 and MARKER.fullmatch(self._shown(cells[0])):
            return [[*cells[0], *cells[1]]]
        return cells

    def _gap(self, left: int, right: int) -> float:
        """Return the line heights between two words, without the signs that stand there.

        Pieces of one word have none between them, however far apart the file draws its letters.
        """
        one, other = self._placed[left], self._placed[right]
        if one.end <= other.start and not _SPACE.search(self._text, one.end, other.start):
            return 0.0
        height = max(0.1, one.bottom - one.top, other.bottom - other.top)
        between = self._text[one.end : other.start].split() if one.end < other.start else []
        if "|" in between:
            between = []
        if self._pitch:
            apart = (_edge(other, -self._pitch) - _edge(one, self._pitch)) / self._pitch
            return apart - sum(len(sign) + 1 for sign in between)
        wide = sum(_WIDE_SIGN if sign in _WIDE else _SIGN for sign in "".join(between))
        return (other.left - one.right) / height - wide - _SPACED * len(between)

    def _is_led(self, left: int, right: int) -> bool:
        """Return whether dots lead from one word to the next, as from a label to its value."""
        one, other = self._placed[left], self._placed[right]
        if one.end > other.start:
            return False
        between = self._text[one.end : other.start]
        return (
            "\n" not in between and LEADERS.search(self._text, one.start, other.start) is not None
        )

    def _shown(self, members: Sequence[int]) -> str:
        return self._text[self._spans[members[0]][0] : self._spans[members[-1]][1]]


def _quarter(gaps: Sequence[float]) -> float:
    """Return the gap that a quarter of the gaps are narrower than."""
    return sorted(gaps)[len(gaps) // 4] if gaps else 0.0


def _pitch(placed: Sequence[WordBox]) -> float:
    """Return the width of a letter of a page on which all are as wide, else 0."""
    widths = sorted(
        (word.right - word.left) / (word.end - word.start - _INK)
        for word in placed
        if word.end - word.start >= _LONG
    )
    if len(widths) < _MANY:
        return 0.0
    middle = widths[len(widths) // 2]
    even = sum(abs(width - middle) <= _EVEN * middle for width in widths)
    return middle if even >= _MOST * len(widths) else 0.0


def _edge(word: WordBox, pitch: float) -> float:
    """Return where the first letter of a word begins, or for a positive pitch where its last ends.

    Letters that are all as wide leave white space beside narrow ones.
    """
    return (word.left + word.right + (word.end - word.start) * pitch) / 2

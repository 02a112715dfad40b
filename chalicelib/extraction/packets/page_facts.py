"""Facts of a page by which pages of one document are told from the next one's.

Lines at the top and the bottom, codes and words, and the size of letters: in any language.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.extraction.document import DocumentPage

EDGE_LINES = 4
"""Lines at the top and at the bottom of a page that may be its header and its footer."""
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CODE = re.compile(r"(?=[^\s|]*\d)[^\s|]{5,}")
_MAX_PAGE = 9_999
_TOP = 0.35
"""The part of a page in which a title stands."""


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line, the same with `#` for each number, and the numbers."""

    text: str
    skeleton: str
    numbers: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Return the numbers that may count pages; longer ones are 0."""
        return tuple(
            int(each) if len(each) < len(str(_MAX_PAGE)) + 1 else 0 for each in self.numbers
        )


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Facts of a page, to be compared with those of the page before.

    Attributes:
        lines: Its lines from the top, without those that are empty.
        words: How often each word of letters occurs, in small letters.
        codes: Texts of five characters and more with a digit: numbers, dates, amounts.
        size: Width and height, (0, 0) without geometry.
        filled: How far down the page its text reaches, of its height; 1 without geometry.
        title: Height of the tallest word near the top, in usual heights of words.
    """

    lines: tuple[PageLine, ...]
    words: Counter[str]
    codes: frozenset[str]
    size: tuple[float, float]
    filled: float
    title: float

    @property
    def top(self) -> tuple[PageLine, ...]:
        """Return the lines that may be a header."""
        return self.lines[:EDGE_LINES]

    @property
    def bottom(self) -> tuple[PageLine, ...]:
        """Return the lines that may be a footer."""
        return self.lines[-EDGE_LINES:]


def page_facts(page: DocumentPage) -> PageFacts:
    """Return what a page is compared by."""
    text = page.text[page.start :]
    lines = [" ".join(line.replace("|", " ").split()) for line in text.splitlines()]
    filled, title = 1.0, 1.0
    if page.placed and page.height:
        heights = [word.bottom - word.top for word in page.placed]
        usual = median(heights) or 1.0
        near = [
            height
            for word, height in zip(page.placed, heights, strict=True)
            if word.bottom < _TOP * page.height
        ]
        title = max(near, default=usual) / usual
        filled = min(1.0, max(_body_bottom(page), 0.0) / page.height)
    return PageFacts(
        tuple(_line(line) for line in lines if line),
        Counter(word.lower() for word in _WORD.findall(text)),
        frozenset(_CODE.findall(text)),
        (page.width, page.height),
        filled,
        title,
    )


def _line(text: str) -> PageLine:
    return PageLine(text, _NUMBER.sub("#", text), tuple(_NUMBER.findall(text)))


def _body_bottom(page: DocumentPage) -> float:
    """Return where the text above a footer ends: above the last wide gap of the lowest tenth."""
    bottoms = sorted(word.bottom for word in page.placed)
    body = [each for each in bottoms if each < (1 - _FOOTER) * page.height]
    return body[-1] if body else bottoms[-1]


_FOOTER = 0.1
"""The lowest part of a page, in which its number and what all pages have stand."""

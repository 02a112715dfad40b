"""Where a document ends within a file: a probability for each page that one begins on it.

Two neighbouring pages are compared by what no language decides: whether the numbering goes on or
begins anew, whether a table does, whether lines of the same wording have the same numbers, which
codes and words they share, and how they are set. Logistic regression, learned on drawn documents
by models/packet_splitter.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chalicelib.extraction.confidence import Odds
from chalicelib.extraction.packets.page_facts import PageFacts, PageLine

WEIGHTS = Path(__file__).with_name("boundary_weights.json")
FEATURES = (
    "numbering_goes_on",
    "numbering_begins",
    "numbering_ended",
    "is_later_of",
    "is_first_of",
    "of_goes_on",
    "counts_on",
    "counts_one",
    "table_goes_on",
    "table_in_other_words",
    "same_numbers",
    "other_numbers",
    "top_alike",
    "bottom_alike",
    "first_alike",
    "codes_shared",
    "words_alike",
    "no_word_alike",
    "filled_before",
    "title",
    "title_before",
    "other_size",
)
Features = tuple[float, ...]
_UNLIKE = 0.05
"""Likeness of two pages' words below which they may be of two languages."""
_AT_END = re.compile(r"^(?:\W*)(\d{1,4})(?![\w.,/-])|(?<![\w.,/-])(\d{1,4})(?:\W*)$")
_OF_ALL = re.compile(
    r"(?<![\d/.,-])(\d{1,4})\s*(?:/|\b[^\W\d]{1,4}\b)\s*(\d{1,4})(?![\d/.,-]\d|\d)"
)
"""A page's number and how many there are, with a slash or a short word between."""


@dataclass(frozen=True, slots=True)
class PagePlace:
    """Where a page stands in its file.

    Attributes:
        pages: How many pages the file has.
        since: How many pages stand before it from the last one on which a document begins.
        table_goes_on: Whether a table covers both this page and the one before.
    """

    pages: int
    since: int
    table_goes_on: bool


def boundary_features(
    first: PageFacts, before: PageFacts, page: PageFacts, place: PagePlace
) -> Features:
    """Return the `FEATURES` of a page, most from 0 to 1.

    Args:
        first: the first page of the file, on which a document begins for certain.
        before: the page before.
        page: the page that is asked about.
        place: where it stands.
    """
    same, other = _numbers_compared(before.lines, page.lines)
    counted, counted_before = _counted(page, place.pages), _counted(before, place.pages)
    is_later = any(number > 1 for number, _ in counted)
    alike = _cosine(before.words, page.words)
    at_ends = _at_ends(page)
    return (
        float(_goes_on(before, page)),
        float(_begins(before, page)),
        float(any(number == last for number, last in counted_before)),
        float(is_later),
        float(bool(counted) and not is_later),
        float(any((number - 1, last) in counted_before for number, last in counted)),
        float(place.since + 1 in at_ends),
        float(1 in at_ends),
        float(place.table_goes_on),
        place.table_goes_on * (1 - alike),
        same,
        other,
        _alike(before.top, page.top),
        _alike(before.bottom, page.bottom),
        _alike(first.lines, page.lines),
        len(before.codes & page.codes) / max(1, min(len(before.codes), len(page.codes))),
        alike,
        float(alike < _UNLIKE),
        before.filled,
        min(3.0, page.title) / 3,
        min(3.0, before.title) / 3,
        float(before.size != page.size),
    )


def _at_ends(facts: PageFacts) -> set[int]:
    """Return the numbers that a line at an edge of the page begins or ends with, if any."""
    return {
        int(found)
        for line in _edges(facts)
        for match in _AT_END.findall(line.text)
        for found in match
        if found
    }


def _edges(facts: PageFacts) -> Iterable[PageLine]:
    return (*facts.top, *facts.bottom)


def _goes_on(before: PageFacts, page: PageFacts) -> bool:
    """Return whether a number in a header or a footer, and no other, is larger by one."""
    for old, new in _counted_alike(before, page):
        differing = [each for each in zip(old, new, strict=True) if each[0] != each[1]]
        if len(differing) == 1 and 0 < differing[0][0] == differing[0][1] - 1:
            return True
    return False


def _begins(before: PageFacts, page: PageFacts) -> bool:
    """Return whether the page counts itself as the first, where the one before is numbered too."""
    return not _goes_on(before, page) and any(
        was > 0 and is_now == 1
        for old, new in _counted_alike(before, page)
        for was, is_now in zip(old, new, strict=True)
    )


def _counted_alike(
    before: PageFacts, page: PageFacts
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield the numbers of lines at the edges that differ in numbers alone, if at all."""
    known = {line.skeleton: line.counts for line in _edges(before) if line.numbers}
    for line in _edges(page):
        if line.skeleton in known:
            yield known[line.skeleton], line.counts


def _counted(facts: PageFacts, pages: int) -> list[tuple[int, int]]:
    """Return the numbers that a header or a footer counts its page by: 2 of 5, 2/5, 2 von 5."""
    return [
        (int(number), int(all_pages))
        for line in _edges(facts)
        for number, all_pages in _OF_ALL.findall(line.text)
        if 1 <= int(number) <= int(all_pages) <= pages
    ]


def _numbers_compared(before: Sequence[PageLine], page: Sequence[PageLine]) -> tuple[float, float]:
    """Return whether lines of one wording have the same numbers, and whether they have others.

    Each as a share of such lines, by 1 - 1/(1 + lines): one line tells less than three.
    """
    known: dict[str, tuple[str, ...]] = {}
    for line in before:
        if line.numbers and any(each.isalpha() for each in line.skeleton):
            known.setdefault(line.skeleton, line.numbers)
    same = other = 0
    for line in page:
        numbers = known.pop(line.skeleton, None)
        if numbers is not None:
            same += numbers == line.numbers
            other += numbers != line.numbers
    return 1 - 1 / (1 + same), 1 - 1 / (1 + other)


def _alike(one: Sequence[PageLine], other: Sequence[PageLine]) -> float:
    """Return the share of lines that two edges have in common, but for numbers."""
    left, right = {line.skeleton for line in one}, {line.skeleton for line in other}
    return len(left & right) / max(1, min(len(left), len(right)))


def _cosine(one: Counter[str], other: Counter[str]) -> float:
    shared = sum(count * other[word] for word, count in one.items() if word in other)
    length = math.sqrt(sum(each**2 for each in one.values()) * sum(x**2 for x in other.values()))
    return shared / length if length else 0.0


def parse_boundary_odds(written: str) -> Odds:
    """Return the regression from its JSON; raise ValueError if it is of other features."""
    weights = json.loads(written)["weights"]
    if tuple(weights) != FEATURES:
        raise ValueError(f"The boundaries' weights are of other features than {list(FEATURES)}.")
    return Odds(tuple(weights.values()), float(json.loads(written)["bias"]))


@functools.cache
def boundary_odds() -> Odds:
    """Return the regression that is shipped, read once per process."""
    return parse_boundary_odds(WEIGHTS.read_text("utf-8"))

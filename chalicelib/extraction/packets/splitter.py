"""The documents within a file: from which page to which each goes, and how sure that is.

facts of each page -> is it a first page? -> the pages from one first page to the next
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput
from chalicelib.extraction.layout.document_layout import read_layout
from chalicelib.extraction.packets.boundaries import (
    PagePlace,
    boundary_features,
    boundary_odds,
)
from chalicelib.extraction.packets.page_facts import page_facts

if TYPE_CHECKING:
    from chalicelib.extraction.confidence import Odds
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.packets.boundaries import Features

_FIRST = 0.5


@dataclass(frozen=True, slots=True)
class PacketPart:
    """A document within a file, from page `first` to page `last`.

    `confidence` is the probability that it begins and ends there, if pages are judged well: the
    least of what was decided about its first page, its other pages, and the one behind it.
    """

    first: int
    last: int
    confidence: float


def split_packet(document: SourceDocument, odds: Odds | None = None) -> tuple[PacketPart, ...]:
    """Return the documents within a file, in the order of its pages; each page is in one.

    A page without text, such as the back of a sheet, never begins a document.

    Args:
        document: the file as it was read.
        odds: the regression to judge pages by; the shipped one unless given.
    """
    if not document.pages:
        return ()
    first = document.pages[0].number
    starts, sure = [first], [1.0]
    for page, chance in first_page_chances(document, odds or boundary_odds()):
        if chance >= _FIRST:
            starts.append(page)
            sure.append(chance)
            continue
        sure[-1] = min(sure[-1], 1 - chance)
    ends = [*(start - 1 for start in starts[1:]), document.pages[-1].number]
    behind = [*sure[1:], 1.0]
    return tuple(
        PacketPart(start, end, round(min(own, after), 4))
        for start, end, own, after in zip(starts, ends, sure, behind, strict=True)
    )


def first_page_chances(document: SourceDocument, odds: Odds) -> list[tuple[int, float]]:
    """Return each page but the first with the probability that a document begins on it."""
    found = []
    is_start: list[bool] = []
    for page, features in page_features(document, is_start):
        chance = odds.probability(features) if features else 0.0
        is_start.append(chance >= _FIRST)
        found.append((page, chance))
    return found


def page_features(
    document: SourceDocument, is_start: list[bool]
) -> Iterator[tuple[int, Features | None]]:
    """Yield each page but the first with its features, None of an empty one.

    `is_start` says of the pages so far whether a document begins on them; it is added to by the
    caller before the next page is asked for.
    """
    joined = {pair for table in read_layout(document).tables() for pair in pairwise(table.pages)}
    facts = [page_facts(page) for page in document.pages]
    before, start = 0, 0
    for at in range(1, len(facts)):
        number = document.pages[at].number
        if facts[at].lines:
            goes_on = (document.pages[before].number, number) in joined
            place = PagePlace(len(facts), at - start, goes_on)
            yield number, boundary_features(facts[0], facts[before], facts[at], place)
            before = at
        else:
            yield number, None
        if is_start[-1]:
            start = at


def part_of(document: SourceDocument, first: int, last: int) -> SourceDocument:
    """Return the pages of a document from `first` to `last`, which keep their numbers.

    Raises:
        InvalidInput: it has no such pages.
    """
    pages = tuple(page for page in document.pages if first <= page.number <= last)
    if len(pages) != last - first + 1:
        raise InvalidInput(
            f"The document has {len(document.pages)} pages; pages {first} to {last} are asked for.",
            field="pages",
            limit=f"{len(document.pages)} pages",
        )
    return replace(document, pages=pages)

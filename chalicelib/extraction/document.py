"""A document as extraction reads it: the text of its pages, and the words with their boxes.

It is made of what ingest wrote of a version, so that nothing is read or recognised a second time.
Every range counts the characters of a page's text, as citations do.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.documents.words import Edges
from chalicelib.errors import Conflict, NotFound

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Page
    from chalicelib.contracts.page_words import PageWords, WordBox

RULE = re.compile(r"\|(?: - \|)+")
"""The line below the header of a table that is written in Markdown."""

_TOKEN = re.compile(r"\S+")
_SAME_LINE = 0.5
"""Share of the lower of two boxes that lies beside the other if they stand on one line."""


class Span(NamedTuple):
    """Characters `start` to `end` of the text of page `page`, counted from 1."""

    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DocumentWord:
    """A word of a page's text.

    `box` is None of a word that has no known place on the page, and `confidence`, 0 to 1, of one
    that was not recognised in a picture: the file itself has its text.
    """

    text: str
    span: Span
    box: Edges | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """The text of a page, and the places of its words on it.

    `width` and `height` are in points, of a picture in pixels, and 0 of a page without geometry;
    `placed` are the words that have boxes, in the order of the text. The text before `start`
    describes what a picture shows and was not read in it, so that it is evidence of nothing.
    `headings` are the offsets at which headings start, and their text.
    """

    number: int
    text: str
    width: float = 0.0
    height: float = 0.0
    placed: tuple[WordBox, ...] = ()
    start: int = 0
    headings: tuple[tuple[int, str], ...] = ()

    @property
    def words(self) -> tuple[DocumentWord, ...]:
        """Return all words in the order of the text, made anew each time.

        The bars and rules of tables in Markdown are not words.
        """
        words: list[DocumentWord] = []
        at = self.start
        for box in self.placed:
            if box.start >= self.start:
                words += self._unplaced(at, box.start)
                span = Span(self.number, box.start, box.end)
                edges = (box.left, box.top, box.right, box.bottom)
                text = self.text[box.start : box.end]
                words.append(DocumentWord(text, span, edges, box.confidence))
                at = max(at, box.end)
        return (*words, *self._unplaced(at, len(self.text)))

    def _unplaced(self, start: int, end: int) -> Iterator[DocumentWord]:
        """Yield the words between two offsets, which have no boxes."""
        rules = [match.span() for match in RULE.finditer(self.text, start, end)]
        for token in _TOKEN.finditer(self.text, start, end):
            in_rule = any(left <= token.start() < right for left, right in rules)
            if token.group() != "|" and not in_rule:
                yield DocumentWord(token.group(), Span(self.number, *token.span()))

    def placed_in(self, start: int, end: int) -> tuple[WordBox, ...]:
        """Return the words with boxes that have a character from `start` to before `end`."""
        first = bisect_right(self.placed, start, key=attrgetter("end"))
        last = first
        while last < len(self.placed) and self.placed[last].start < end:
            last += 1
        return self.placed[first:last]


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document that values are read from; `language` is an ISO 639-1 code or ""."""

    document_id: str
    version: str
    media_type: str
    language: str
    pages: tuple[DocumentPage, ...]
    _numbers: dict[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = {page.number: at for at, page in enumerate(self.pages)}
        object.__setattr__(self, "_numbers", numbers)

    def page(self, number: int) -> DocumentPage:
        """Return a page by its number.

        Raises:
            NotFound: the document has no such page.
        """
        at = self._numbers.get(number)
        if at is None:
            raise NotFound(f"The document has no page {number}.", field="page")
        return self.pages[at]

    def text(self, span: Span) -> str:
        """Return the characters of a span."""
        return self.page(span.page).text[span.start : span.end]

    def boxes(self, span: Span) -> tuple[Edges, ...]:
        """Return one box for each line on which words of `span` stand, from the first word on."""
        boxes: list[Edges] = []
        for word in self.page(span.page).placed_in(span.start, span.end):
            box = (word.left, word.top, word.right, word.bottom)
            if boxes and _on_one_line(boxes[-1], box):
                boxes[-1] = around(boxes[-1], box)
            else:
                boxes.append(box)
        return tuple(boxes)

    def confidence(self, span: Span) -> float | None:
        """Return the least confidence of the words of `span`; None if none was recognised."""
        words = self.page(span.page).placed_in(span.start, span.end)
        scores = [word.confidence for word in words if word.confidence is not None]
        return min(scores, default=None)


def source_document(
    pages: Iterable[Page],
    words: Iterable[PageWords] | None,
    *,
    document_id: str = "",
    version: str = "",
    media_type: str = "",
    language: str = "",
) -> SourceDocument:
    """Return the document of the lines of `pages.jsonl` and, where there are, of `words.jsonl`.

    Raises:
        Conflict: the words are those of another text.
    """
    geometry = {line.page: line for line in words or ()}
    return SourceDocument(
        document_id,
        version,
        media_type,
        language,
        tuple(_document_page(page, geometry.get(page.page)) for page in pages),
    )


def without_places(document: SourceDocument) -> SourceDocument:
    """Return a document as it is read by its text alone."""
    pages = (replace(page, width=0.0, height=0.0, placed=()) for page in document.pages)
    return replace(document, pages=tuple(pages))


def _document_page(page: Page, words: PageWords | None) -> DocumentPage:
    if words is None:
        return DocumentPage(
            page.page, page.text, start=page.described, headings=tuple(page.headings)
        )
    placed = words.words or ()
    if placed and max(word.end for word in placed) > len(page.text):
        raise Conflict(f"The words of page {page.page} are those of another text.", field="words")
    return DocumentPage(
        page.page,
        page.text,
        words.width if placed else 0.0,
        words.height if placed else 0.0,
        placed,
        page.described,
        tuple(page.headings),
    )


def around(one: Edges, other: Edges) -> Edges:
    """Return the smallest box around two boxes."""
    return (
        min(one[0], other[0]),
        min(one[1], other[1]),
        max(one[2], other[2]),
        max(one[3], other[3]),
    )


def _on_one_line(one: Edges, other: Edges) -> bool:
    beside = min(one[3], other[3]) - max(one[1], other[1])
    return beside > _SAME_LINE * min(one[3] - one[1], other[3] - other[1])

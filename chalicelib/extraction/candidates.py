"""Candidates for the values of fields: typed spans of a document, with what may name them.

A field with a type (a date, an amount, an IBAN) has as candidates all spans that its reader finds.
A field of text has those pieces that stand apart on a page: cells, what follows a colon, and
blocks of lines such as an address.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.extraction.document import Span
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.leaves import NUMERIC_KINDS, Leaf, LeafKind
from chalicelib.extraction.values.readers import value_reader

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.layout.labels import LabelContext
    from chalicelib.extraction.layout.lines import LineCell
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueMatch, ValueReader

MAX_CANDIDATES = 300
"""Candidates of one field that are compared: those whose labels are most alike."""
MAX_TEXT = 400
"""Characters of a text that may be a value: a longer one is prose."""
MAX_BLOCK_LINES = 6
BLOCK_KINDS = frozenset({LeafKind.TEXT, LeafKind.ADDRESS})
"""Kinds whose values may fill several lines."""
_COLONS = ":\uff1a"
_WHOLE_KINDS = (LeafKind.DATE, LeafKind.IBAN, LeafKind.VAT, LeafKind.EMAIL)
"""Kinds whose values have digits that are no numbers by themselves."""
_WHOLE_READERS = tuple(value_reader(Leaf((), "", kind, "string")) for kind in _WHOLE_KINDS)
_JOINED_BEFORE = re.compile(r"[^\W\d_]$|\w[-/_]$")
_JOINED_AFTER = re.compile(r"[^\W\d_]{3}|[-/_]\w")
"""A unit or a currency has one or two letters behind a number; a word has more."""


@dataclass(frozen=True, slots=True)
class FieldCandidate:
    """Spans of the document, one a line, that may be a field's value.

    Attributes:
        spans: Characters of pages, in reading order.
        text: The characters, with line ends between the spans.
        match: The value that the field's reader makes of the text.
        labels: What may name it, nearest first.
    """

    spans: tuple[Span, ...]
    text: str
    match: ValueMatch
    labels: tuple[LabelContext, ...]


def find_candidates(
    document: SourceDocument,
    layouts: Sequence[DocumentLayout],
    leaves: Sequence[Leaf],
    hints: ReadingHints,
) -> list[list[FieldCandidate]]:
    """Return at most `MAX_CANDIDATES` candidates of each field, in the order of the document.

    The pages are read once, for all fields together. Fields of one kind share what is found.

    Args:
        document: the text.
        layouts: ways to read what stands where; spans are those of the first, labels of all.
        leaves: the fields.
        hints: how ambiguous numbers and dates are read.
    """
    groups = _alike(leaves)
    kept = [_Kept(leaf) for leaf in leaves]
    for page in document.pages:
        pieces = _Pieces(document, layouts, page.number)
        for reader, members in groups:
            for candidate in pieces.candidates(reader, hints):
                for at in members:
                    kept[at].add(candidate)
    return [each.found() for each in kept]


def _alike(leaves: Sequence[Leaf]) -> list[tuple[ValueReader, list[int]]]:
    """Return the readers that are needed, and the numbers of the fields of each."""
    members: dict[str, list[int]] = defaultdict(list)
    for at, leaf in enumerate(leaves):
        nameless = replace(
            leaf, path=(), pointer="", names=(), parents=(), description="", required=False
        )
        members[repr(nameless)].append(at)
    return [(value_reader(leaves[each[0]]), each) for each in members.values()]


@dataclass(slots=True)
class _Kept:
    """The candidates of one field, of which those with the likeliest labels are kept."""

    leaf: Leaf
    comparison: LabelComparison = field(default_factory=LabelComparison)
    ranked: list[tuple[float, int, FieldCandidate]] = field(default_factory=list)
    count: int = 0

    def add(self, candidate: FieldCandidate) -> None:
        self.count += 1
        likeness = (
            self.comparison.similarity(self.leaf.names, each.text) for each in candidate.labels
        )
        self.ranked.append((-max(likeness, default=0.0), self.count, candidate))
        if len(self.ranked) > 2 * MAX_CANDIDATES:
            self._prune()

    def found(self) -> list[FieldCandidate]:
        self._prune()
        return [each[2] for each in sorted(self.ranked, key=lambda each: each[1])]

    def _prune(self) -> None:
        self.ranked.sort(key=lambda each: each[:2])
        del self.ranked[MAX_CANDIDATES:]


@dataclass(slots=True)
class _Pieces:
    """Finder of candidates on one page; the labels of each span are looked up once."""

    document: SourceDocument
    layouts: Sequence[DocumentLayout]
    page: int
    labels: dict[Span, tuple[LabelContext, ...]] = field(default_factory=dict)
    wholes: dict[Span, list[tuple[int, int]]] = field(default_factory=dict)

    def candidates(self, reader: ValueReader, hints: ReadingHints) -> Iterator[FieldCandidate]:
        """Yield what a reader finds on the page."""
        if reader.kind in BLOCK_KINDS:
            for spans in dict.fromkeys(self._texts()):
                text = "\n".join(map(self.document.text, spans))
                if match := reader.read(text, hints):
                    yield FieldCandidate(spans, text, match, self._labels_of(spans[0]))
            return
        for cell in self._cells():
            text = self.document.text(cell)
            for match in reader.find(text, hints):
                if reader.kind in NUMERIC_KINDS and self._is_part(cell, match, hints):
                    continue
                span = Span(self.page, cell.start + match.start, cell.start + match.end)
                shown = text[match.start : match.end]
                yield FieldCandidate((span,), shown, match, self._labels_of(span))

    def _cells(self) -> Iterator[Span]:
        """Yield the cells of the page; what the text has in one cell of a table is one.

        Words of a label that stand above two columns look like two cells.
        """
        for line in self.layouts[0].lines(self.page):
            open_cell: LineCell | None = None
            span: Span | None = None
            for cell in line.cells:
                if span and open_cell and _in_one_cell(open_cell, cell):
                    span = span._replace(end=max(span.end, cell.span.end))
                else:
                    if span:
                        yield span
                    span = cell.span
                open_cell = cell
            if span:
                yield span

    def _is_part(self, cell: Span, match: ValueMatch, hints: ReadingHints) -> bool:
        """Return whether a number is a part of a word, a code or a date."""
        text = self.document.text(cell)
        before, after = text[: match.start], text[match.end :]
        if _JOINED_BEFORE.search(before) or _JOINED_AFTER.match(after):
            return True
        if cell not in self.wholes:
            self.wholes[cell] = [
                (whole.start, whole.end)
                for reader in _WHOLE_READERS
                for whole in reader.find(text, hints)
                if whole.valid is not False
            ]
        size = match.end - match.start
        return any(
            start <= match.start and match.end <= end and end - start > size
            for start, end in self.wholes[cell]
        )

    def _texts(self) -> Iterator[tuple[Span, ...]]:
        """Yield what stands apart: cells, what follows their colons, and blocks of lines."""
        for cell in self._cells():
            yield from self._parts_of_cell(cell)
        for block in self.layouts[0].blocks(self.page):
            lines = len(block.spans)
            for first in range(lines):
                for last in range(first + 2, min(first + MAX_BLOCK_LINES, lines) + 1):
                    part = block.spans[first:last]
                    if sum(span.end - span.start for span in part) <= MAX_TEXT:
                        yield part

    def _parts_of_cell(self, cell: Span) -> Iterator[tuple[Span, ...]]:
        text = self.document.text(cell)
        if len(text) <= MAX_TEXT and text[-1] not in _COLONS and any(map(str.isalnum, text)):
            yield (cell,)
        at = min((place for sign in _COLONS if (place := text.find(sign)) > 0), default=-1)
        value = text[at + 1 :]
        if at > 0 and 0 < len(value.strip()) <= MAX_TEXT:
            start = cell.start + at + 1 + len(value) - len(value.lstrip())
            yield (Span(cell.page, start, cell.end),)

    def _labels_of(self, span: Span) -> tuple[LabelContext, ...]:
        if span not in self.labels:
            found = [label for layout in self.layouts for label in layout.labels(span)]
            distinct = {(label.text, label.relation): label for label in reversed(found)}
            self.labels[span] = tuple(sorted(distinct.values(), key=lambda label: label.gap))
        return self.labels[span]


def _in_one_cell(left: LineCell, right: LineCell) -> bool:
    """Return whether the page's text has both in one cell of one table, one after the other."""
    place = (left.table, left.row, left.column)
    return (
        left.table >= 0
        and place == (right.table, right.row, right.column)
        and left.span.end <= right.span.start
    )

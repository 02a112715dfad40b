"""Candidates for the values of fields: typed spans of a document, with what may name them.

A field with a type (a date, an amount, an IBAN) has as candidates all spans that its reader finds.
A field of text has those pieces that stand apart on a page: cells, what follows a colon, and
blocks of lines such as an address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.extraction.document import Span
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.values.readers import value_reader

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.layout.labels import LabelContext
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
    layout: DocumentLayout,
    leaves: Sequence[Leaf],
    hints: ReadingHints,
) -> list[list[FieldCandidate]]:
    """Return at most `MAX_CANDIDATES` candidates of each field, in the order of the document.

    The pages are read once, for all fields together. Fields of one kind share what is found.
    """
    groups = _alike(leaves)
    kept = [_Kept(leaf) for leaf in leaves]
    for page in document.pages:
        pieces = _Pieces(document, layout, page.number)
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
    """What stands on one page, and the labels of its spans, each looked up once."""

    document: SourceDocument
    layout: DocumentLayout
    page: int
    labels: dict[Span, tuple[LabelContext, ...]] = field(default_factory=dict)

    def candidates(self, reader: ValueReader, hints: ReadingHints) -> Iterator[FieldCandidate]:
        """Yield what a reader finds on the page."""
        if reader.kind in BLOCK_KINDS:
            for spans in dict.fromkeys(self._texts()):
                text = "\n".join(map(self.document.text, spans))
                if match := reader.read(text, hints):
                    yield FieldCandidate(spans, text, match, self._labels_of(spans[0]))
            return
        for line in self.layout.lines(self.page):
            for cell in line.cells:
                text = self.document.text(cell.span)
                for match in reader.find(text, hints):
                    start = cell.span.start
                    span = Span(self.page, start + match.start, start + match.end)
                    shown = text[match.start : match.end]
                    yield FieldCandidate((span,), shown, match, self._labels_of(span))

    def _texts(self) -> Iterator[tuple[Span, ...]]:
        """Yield what stands apart: cells, what follows their colons, and blocks of lines."""
        for line in self.layout.lines(self.page):
            for cell in line.cells:
                yield from self._parts_of_cell(cell.span)
        for block in self.layout.blocks(self.page):
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
            self.labels[span] = self.layout.labels(span)
        return self.labels[span]

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
from chalicelib.extraction.field_candidates import FieldCandidate, KeptCandidates
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.leaves import BLOCK_KINDS, NUMERIC_KINDS, Leaf, LeafKind
from chalicelib.extraction.sentence_spans import (
    BROKEN_KINDS,
    SentenceSpan,
    broken_values,
    sentence_spans,
)
from chalicelib.extraction.text_parts import cell_parts, label_rests, last_part
from chalicelib.extraction.values.readers import value_reader

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.label_subwords import SubwordVectors
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.layout.labels import LabelContext
    from chalicelib.extraction.layout.lines import LineCell
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueMatch, ValueReader

MAX_TEXT = 400
"""Characters of a text that may be a value: a longer one is prose."""
MAX_BLOCK_LINES = 6
MAX_GOING_ON = 5
"""Lines of a value that begins behind its label."""
_BlockPart = tuple[tuple[Span, ...], int, int]
"""The lines of a block, the number of the first one of a part of it, and of the first behind it."""
_WHOLE_KINDS = (LeafKind.DATE, LeafKind.IBAN, LeafKind.VAT, LeafKind.EMAIL)
"""Kinds whose values have digits that are no numbers by themselves."""
_WHOLE_READERS = tuple(value_reader(Leaf((), "", kind, "string")) for kind in _WHOLE_KINDS)
_JOINED_BEFORE = re.compile(r"[^\W\d_]$|\w[-/_]$")
_JOINED_AFTER = re.compile(r"[^\W\d_]{3}|[-/_]\w")
"""A unit or a currency has one or two letters behind a number; a word has more."""


def find_candidates(
    document: SourceDocument,
    layouts: Sequence[DocumentLayout],
    leaves: Sequence[Leaf],
    hints: ReadingHints,
    subwords: SubwordVectors | None = None,
) -> list[list[FieldCandidate]]:
    """Return at most `MAX_CANDIDATES` candidates of each field, in the order of the document.

    The pages are read once, for all fields together. Fields of one kind share what is found.

    Args:
        document: the text.
        layouts: ways to read what stands where; spans are those of the first, labels of all.
        leaves: the fields.
        hints: how ambiguous numbers and dates are read.
        subwords: by which labels are compared in other languages than the names.
    """
    groups = _alike(leaves)
    comparison = LabelComparison(subwords=subwords)
    kept = [KeptCandidates(leaf, comparison) for leaf in leaves]
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
            leaf,
            path=(),
            pointer="",
            names=(),
            parents=(),
            description="",
            required=False,
            min_confidence=None,
        )
        members[repr(nameless)].append(at)
    return [(value_reader(leaves[each[0]]), each) for each in members.values()]


@dataclass(slots=True)
class _Pieces:
    """Finder of candidates on one page; the labels of each span are looked up once."""

    document: SourceDocument
    layouts: Sequence[DocumentLayout]
    page: int
    labels: dict[Span, tuple[LabelContext, ...]] = field(default_factory=dict)
    wholes: dict[Span, list[tuple[int, int]]] = field(default_factory=dict)
    sentences: list[SentenceSpan] | None = None

    def candidates(self, reader: ValueReader, hints: ReadingHints) -> Iterator[FieldCandidate]:
        """Yield what a reader finds on the page."""
        if reader.kind in BLOCK_KINDS:
            yield from self._texts_read(reader, hints)
            return
        if reader.kind in BROKEN_KINDS:
            blocks = self.layouts[0].blocks(self.page)
            for spans, shown, match in broken_values(self.document, blocks, reader, hints):
                labels = self._labels_of(spans[0])
                yield FieldCandidate(spans, shown, match, labels, within=True)
        for cell in self._cells():
            text = self.document.text(cell)
            for match in reader.find(text, hints):
                if reader.kind in NUMERIC_KINDS and self._is_part(cell, match, hints):
                    continue
                span = Span(self.page, cell.start + match.start, cell.start + match.end)
                shown = text[match.start : match.end]
                yield FieldCandidate((span,), shown, match, self._labels_of(span))

    def _texts_read(self, reader: ValueReader, hints: ReadingHints) -> Iterator[FieldCandidate]:
        """Yield the texts of the page that may be a value of a kind without a form of its own."""
        for spans, (block, first, last) in dict(self._texts()).items():
            text = "\n".join(map(self.document.text, spans))
            if match := reader.read(text, hints):
                before = self.document.text(block[first - 1]) if first else ""
                after = self.document.text(block[last]) if last < len(block) else ""
                yield FieldCandidate(
                    spans,
                    text,
                    match,
                    self._labels_of(spans[0]),
                    before=first,
                    after=len(block) - last,
                    line_before=before,
                    line_after=after,
                )
        for span in self._rests():
            text = self.document.text(span)
            if match := reader.read(text, hints):
                labels = self._labels_of(span)
                yield FieldCandidate((span,), text, match, labels, is_rest=True)
        if reader.kind is LeafKind.TEXT:
            yield from self._within_sentences(reader, hints)

    def _within_sentences(
        self, reader: ValueReader, hints: ReadingHints
    ) -> Iterator[FieldCandidate]:
        """Yield the texts that stand within the sentences of the page."""
        if self.sentences is None:
            self.sentences = sentence_spans(self.document, self.layouts[0].texts(self.page))
        for each in self.sentences:
            text = "\n".join(map(self.document.text, each.spans))
            if match := reader.read(text, hints):
                likely = replace(match, quality=match.quality * each.likely)
                yield FieldCandidate(each.spans, text, likely, each.labels, within=True)

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

    def _texts(self) -> Iterator[tuple[tuple[Span, ...], _BlockPart]]:
        """Yield what stands apart: cells, what follows their colons, and parts of blocks, each with
        where in its block it is.
        """
        blocks = self.layouts[0].blocks(self.page)
        inside = {
            span: (block.spans, at, at + 1)
            for block in blocks
            for at, span in enumerate(block.spans)
        }
        for cell in self._cells():
            for start, end in cell_parts(self.document.text(cell)):
                if end - start <= MAX_TEXT:
                    yield (_within(cell, (start, end)),), inside.get(cell, ((cell,), 0, 1))
        for block in blocks:
            lines = len(block.spans)
            for first in range(lines):
                for last in range(first + 2, min(first + MAX_BLOCK_LINES, lines) + 1):
                    part = block.spans[first:last]
                    if sum(span.end - span.start for span in part) <= MAX_TEXT:
                        yield part, (block.spans, first, last)
                tail = last_part(self.document.text(block.spans[first]))
                if tail is None:
                    continue
                for last in range(first + 2, min(first + MAX_GOING_ON, lines) + 1):
                    begun = _within(block.spans[first], tail)
                    yield (begun, *block.spans[first + 1 : last]), (block.spans, first, last)

    def _rests(self) -> Iterator[Span]:
        """Yield what words at the ends of cells without a colon leave: they may be a label."""
        for cell in self._cells():
            for part in label_rests(self.document.text(cell)):
                yield _within(cell, part)

    def _labels_of(self, span: Span) -> tuple[LabelContext, ...]:
        if span not in self.labels:
            found = [label for layout in self.layouts for label in layout.labels(span)]
            distinct = {(label.text, label.relation): label for label in reversed(found)}
            self.labels[span] = tuple(sorted(distinct.values(), key=lambda label: label.gap))
        return self.labels[span]


def _within(span: Span, part: tuple[int, int]) -> Span:
    """Return the place of some characters of a span's text."""
    return Span(span.page, span.start + part[0], span.start + part[1])


def _in_one_cell(left: LineCell, right: LineCell) -> bool:
    """Return whether the page's text has both in one cell of one table, one after the other."""
    place = (left.table, left.row, left.column)
    return (
        left.table >= 0
        and place == (right.table, right.row, right.column)
        and left.span.end <= right.span.start
    )

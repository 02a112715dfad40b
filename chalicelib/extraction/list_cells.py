"""The values of a list's cells, and what tells how sure each is: its own text, column and list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.extraction.confidence import CellFacts, ColumnFacts, ListFacts
from chalicelib.extraction.document import SourceDocument, Span
from chalicelib.extraction.read_fields import ReadField

if TYPE_CHECKING:
    from chalicelib.extraction.leaves import Leaf, ListField
    from chalicelib.extraction.lists import ListCell, ListReading
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueMatch, ValueReader

Matched = tuple["ListCell | None", "ValueMatch | None"]
"""A cell of a column, and the value that was read from it."""


def read_cells(
    of: ListField,
    reading: ListReading,
    document: SourceDocument,
    readers: Sequence[ValueReader],
    hints: ReadingHints,
    sure: tuple[Sequence[float], bool],
) -> list[ReadField]:
    """Return the fields of a list's cells, row by row.

    Args:
        of: The list of the schema.
        reading: Its rows.
        document: Of which the spans are.
        readers: The readers of the columns, in their order.
        hints: How the document writes numbers and dates.
        sure: How alike the titles of the columns are to their names, and whether two ways to read
            the list agree.
    """
    alike, agreed = sure
    score, rows = min(1.0, reading.score), len(reading.rows)
    of_list = ListFacts(reading.complete, agreed, reading.summed, score, rows)
    columns = []
    for at, reader in enumerate(readers):
        cells = [row[at] for row in reading.rows]
        matched = [(cell, _match(reader, cell.text, hints) if cell else None) for cell in cells]
        likely = reading.likely[at] if reading.likely else 0.0
        columns.append((matched, _column(matched, alike[at], likely)))
    fields = []
    for number in range(len(reading.rows)):
        for leaf, (matched, column) in zip(of.columns, columns, strict=True):
            facts = _facts(document, matched[number], column, of_list)
            pointer = f"{of.pointer}/{number}{leaf.pointer}"
            fields.append(_field(leaf, pointer, matched[number], facts))
    return fields


def _match(reader: ValueReader, text: str, hints: ReadingHints) -> ValueMatch | None:
    """Return the value of a cell: that of all its text, or else the longest within it."""
    return reader.read(text, hints) or next(reader.find(text, hints), None)


def _column(matched: Sequence[Matched], alike: float, likely: float) -> ColumnFacts:
    filled = sum(cell is not None for cell, _ in matched)
    read = sum(match is not None for _, match in matched)
    return ColumnFacts(alike, likely, filled / max(1, len(matched)), read / max(1, filled))


def _facts(
    document: SourceDocument, of: Matched, column: ColumnFacts, of_list: ListFacts
) -> CellFacts:
    cell, match = of
    scores = [document.confidence(span) for span in cell.spans] if cell else []
    known = [score for score in scores if score is not None]
    return CellFacts(
        has_text=cell is not None,
        is_read=match is not None,
        quality=match.quality if match else 0.0,
        valid=match.valid if match else None,
        ambiguous=bool(match and match.ambiguous),
        recognised=1.0 - min(known) if known else 0.0,
        column=column,
        of_list=of_list,
    )


def _field(leaf: Leaf, pointer: str, of: Matched, facts: CellFacts) -> ReadField:
    cell, match = of
    if cell is None or match is None:
        return ReadField(pointer, leaf, None, "", (), facts)
    spans = cell.spans
    if len(spans) == 1:
        start = spans[0].start
        spans = (Span(spans[0].page, start + match.start, start + match.end),)
    raw = cell.text[match.start : match.end]
    return ReadField(pointer, leaf, match.value, raw, spans, facts)

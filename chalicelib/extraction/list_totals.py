"""Rows of a table below those whose amounts add up to a total: its totals, in the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.extraction.layout.tables import RowKind

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.layout.tables import LayoutTable, TableRow
    from chalicelib.extraction.list_columns import ColumnMatch
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueReader

CLEARLY_LESS = 0.1
"""How much worse a table matches than the lines within it if these are read instead."""


def without_totals(
    found: tuple[LayoutTable, ColumnMatch],
    lines: Sequence[LayoutTable],
    readers: Sequence[ValueReader],
    hints: ReadingHints,
) -> LayoutTable:
    """Return a table without the rows below those whose amounts a sum proves to be all.

    Totals may stand in the columns of the rows above them, with their labels in one of numbers:
    they are left out if each has a text that is no value.
    """
    table, match = found
    proven = next((each for each in lines if each.summed is not None), None)
    if proven is None or table.summed is not None:
        return table
    rows = holders(table, proven)
    if not rows:
        return table
    below = [row for row in table.rows[rows[-1] + 1 :] if row.kind is not RowKind.NOTE]
    if not all(_has_unread(row, match, readers, hints) for row in below):
        return table
    kept = [
        replace(row, kind=RowKind.NOTE) if at > rows[-1] else row
        for at, row in enumerate(table.rows)
    ]
    left = sum(row.kind is RowKind.DATA for row in kept)
    if not left:
        return table
    is_whole = left == len(rows)
    return replace(table, rows=tuple(kept), summed=_column(table, proven) if is_whole else None)


def holders(table: LayoutTable, lines: LayoutTable) -> list[int]:
    """Return the numbers of the rows of a table that hold the amounts of lines, [] if not all."""
    amounts = _amounts(lines)
    found = [
        at
        for at, row in enumerate(table.rows)
        if any(span in amounts for cell in row.cells if cell for span in cell.spans)
    ]
    return found if len(found) == len(amounts) else []


def _amounts(lines: LayoutTable) -> set[Span]:
    return {cell.spans[0] for row in lines.data if (cell := row.cells[-1])}


def _column(table: LayoutTable, lines: LayoutTable) -> int | None:
    """Return the column of a table in which the amounts of lines stand, None of several."""
    amounts = _amounts(lines)
    found = {
        at
        for row in table.rows
        for at, cell in enumerate(row.cells)
        if cell and any(span in amounts for span in cell.spans)
    }
    return found.pop() if len(found) == 1 else None


def _has_unread(
    row: TableRow, match: ColumnMatch, readers: Sequence[ValueReader], hints: ReadingHints
) -> bool:
    """Return whether a row has a text in the column of a field that cannot be its value."""
    pairs = zip(match.columns, readers, strict=True)
    cells = [(row.cells[at], reader) for at, reader in pairs if at is not None]
    return any(cell is not None and reader.read(cell.text, hints) is None for cell, reader in cells)


def is_rather(
    table: tuple[LayoutTable, ColumnMatch], lines: tuple[LayoutTable, ColumnMatch]
) -> bool:
    """Return whether a table that holds the amounts of lines is the list, rather than these.

    It has titles, or more columns, and matches about as well.
    """
    has_more = any(table[1].titles) or len(table[0].columns) > len(lines[0].columns)
    alike = lines[1].score < table[1].score + CLEARLY_LESS
    return has_more and alike and bool(holders(table[0], lines[0]))

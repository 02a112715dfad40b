"""Columns that stand below each other: an item and its number in the next line of the same cell.

Where the last line of most cells of a column has a number or a code, and those above it have words,
this line is a column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number

if TYPE_CHECKING:
    from chalicelib.extraction.layout.lines import LineCell
    from chalicelib.extraction.layout.table_lines import PlacedLine
    from chalicelib.extraction.layout.table_rows import RowLines

_MOST = 0.75
"""Share of the rows of a column whose last line is of another kind, at least."""
_MIN_ROWS = 3


def stacked_columns(rows: Sequence[RowLines], width: int) -> list[int]:
    """Return the columns of rows that are two: words, and a number or code below them."""
    return [at for at in range(width) if _is_stacked(rows, at)]


def parted_line(line: PlacedLine, columns: Sequence[int], lowest: frozenset[int]) -> PlacedLine:
    """Return a line with its cells renumbered for columns of which each was parted in two.

    Args:
        line: The line.
        columns: The numbers of the columns that were parted.
        lowest: Those of them whose lowest piece stands in this line.
    """
    cells = tuple(
        (at + sum(each < at for each in columns) + (at in lowest), cell) for at, cell in line.cells
    )
    return replace(line, cells=cells)


def parted_rows(rows: Sequence[RowLines], columns: Sequence[int]) -> list[RowLines]:
    """Return rows with each of some columns parted in two, whose second one follows it."""
    found: list[RowLines] = []
    for row in rows:
        last = {
            at: max(n for n, line in enumerate(row.lines) if at in line.filled)
            for at in columns
            if _parts(row.cell(at))
        }
        lines = [
            parted_line(line, columns, frozenset(at for at, low in last.items() if low == n))
            for n, line in enumerate(row.lines)
        ]
        found.append(replace(row, lines=lines))
    return found


def _is_stacked(rows: Sequence[RowLines], column: int) -> bool:
    cells = [pieces for row in rows if (pieces := row.cell(column))]
    stacked = sum(map(_parts, cells))
    return stacked >= max(_MIN_ROWS, _MOST * len(cells))


def _parts(pieces: Sequence[LineCell]) -> bool:
    """Return whether the lowest piece of a cell is a number or code, and the first one is words."""
    return len(pieces) > 1 and is_number(pieces[-1].text) and not is_number(pieces[0].text)

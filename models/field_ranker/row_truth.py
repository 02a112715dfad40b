"""Which cells of a list that was read are right: rows are matched in their order, each once.

A row that was read matches a true one if half of the true cells are equal. One that matches none is
no row of the list, and whatever it has is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from models.field_ranker.examples import same_value

if TYPE_CHECKING:
    from chalicelib.extraction.read_fields import ReadField, ReadList
    from models.datasets.business_documents import TrueList, TrueValue

_AHEAD, _BEHIND = 30, 4
"""How far from its turn a row is looked for: rows may be missing or come twice."""


def judged_cells(read: ReadList, true: TrueList) -> Iterator[tuple[ReadField, bool]]:
    """Yield each cell that was read, and whether it is that of the row that its row is."""
    width = max(1, len(read.field.columns))
    taken: set[int] = set()
    cursor = 0
    for begin in range(0, len(read.fields), width):
        cells = read.fields[begin : begin + width]
        first, last = max(0, cursor - _BEHIND), min(len(true.rows), cursor + _AHEAD)
        alike = [
            (_equal(cells, true.rows[at]), -abs(at - cursor), at)
            for at in range(first, last)
            if at not in taken
        ]
        alike = [each for each in alike if 2 * each[0] >= max(1, _filled(true.rows[each[2]]))]
        if not alike:
            yield from ((cell, False) for cell in cells)
            continue
        at = max(alike)[2]
        taken.add(at)
        cursor = at + 1
        for cell, value in zip(cells, true.rows[at], strict=True):
            yield cell, same_value(cell.value, value.value)


def _equal(cells: Sequence[ReadField], row: Sequence[TrueValue]) -> int:
    return sum(
        value.value is not None and same_value(cell.value, value.value)
        for cell, value in zip(cells, row, strict=True)
    )


def _filled(row: Sequence[TrueValue]) -> int:
    return sum(value.value is not None for value in row)

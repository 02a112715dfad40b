"""Wide tables that the text has in groups of columns, put side by side again.

Ingest writes a table that is too wide for a passage in groups, one below the other, each with the
first column again so that every row can be known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.extraction.layout.lines import COLUMN_WIDTH
from chalicelib.extraction.layout.segments import Band

if TYPE_CHECKING:
    from chalicelib.extraction.layout.table_lines import PlacedLine
    from chalicelib.extraction.layout.table_parts import JoinedTable

_FILLED = 0.9
"""Share of its column that a cell without a place fills."""


def regrouped(tables: Iterable[JoinedTable]) -> Iterator[JoinedTable]:
    """Yield tables, those that are groups of columns of one table as this table."""
    pending: JoinedTable | None = None
    for table in tables:
        partners = _partners(pending, table) if pending and table.adjoins else None
        if pending is not None and partners is not None:
            _put_beside(pending, table, partners)
            continue
        if pending is not None:
            yield pending
        pending = table
    if pending is not None:
        yield pending


def _partners(left: JoinedTable, right: JoinedTable) -> Mapping[int, PlacedLine] | None:
    """Return which line of a group of columns goes on with which line of the group before it.

    None if they are not groups of one table: its first column is not repeated row by row. Rows
    that end before a group are not in it.
    """
    if not (left.is_written and right.is_written) or left.last_page != right.last_page:
        return None
    if len(left.header) != 1 or len(right.header) != 1 or len(right.bands) < 2:
        return None
    if _keys(left.header) != _keys(right.header) or not left.lines or not right.lines:
        return None
    known, own = _keys(left.lines), _keys(right.lines)
    if known == own:
        return dict(enumerate(right.lines))
    places = {key: at for at, key in enumerate(known)}
    found = [places.get(key) for key in own]
    at = [place for place in found if place is not None]
    told = len(places) == len(known) and len(at) == len(own) and at == sorted(set(at))
    return dict(zip(at, right.lines, strict=True)) if told else None


def _keys(lines: Sequence[PlacedLine]) -> list[tuple[int, str]]:
    """Return the page and the text of the first column of each line."""
    return [(line.page, dict(_texts(line)).get(0, "")) for line in lines]


def _texts(line: PlacedLine) -> Iterator[tuple[int, str]]:
    for at, cell in line.cells:
        yield at, cell.text


def _put_beside(left: JoinedTable, right: JoinedTable, partners: Mapping[int, PlacedLine]) -> None:
    """Take the columns of a group, all but its first one, into the table that it is part of."""
    shift = len(left.bands) - 1
    left.header = [_widened(left.header[0], right.header[0], shift)]
    left.lines = [
        _widened(line, partners[at], shift) if at in partners else line
        for at, line in enumerate(left.lines)
    ]
    left.repeated += right.repeated
    left.bands += [
        Band(at * COLUMN_WIDTH, (at + _FILLED) * COLUMN_WIDTH)
        for at in range(shift + 1, shift + len(right.bands))
    ]


def _widened(line: PlacedLine, other: PlacedLine, shift: int) -> PlacedLine:
    further = tuple((at + shift, cell) for at, cell in other.cells if at)
    return replace(line, cells=(*line.cells, *further))

"""The tables of a document, each joined over the pages that it covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.layout.column_groups import regrouped
from chalicelib.extraction.layout.running_lines import without_running_lines
from chalicelib.extraction.layout.stacked_columns import parted_line, parted_rows, stacked_columns
from chalicelib.extraction.layout.table_parts import JoinedTable, joined_tables
from chalicelib.extraction.layout.table_rows import row_lines

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.layout.lines import LineCell, PageLines
    from chalicelib.extraction.layout.table_lines import PlacedLine

_EDGE = 0.67
"""Share of the usual cells that a subtotal at the end of a page fills, at most."""
_KEY, _MIN_ROWS = 0.75, 5
"""A column is filled in every row if it is in this share of at least so many rows."""


class RowKind(StrEnum):
    """The part that a row has in its table.

    A `SUMMARY` is a subtotal, a total, or an amount that is carried from page to page; a `NOTE` is
    text between the rows that stands in no column, such as the title of a group.
    """

    HEADER = "header"
    DATA = "data"
    SUMMARY = "summary"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class TableCell:
    """The text of a cell, and its pieces from the first: it may be wrapped, even to a new page."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row that begins on `page`: a cell or None for each column of the table.

    `across` are texts that stand across columns; a `NOTE` may have no other.
    """

    page: int
    kind: RowKind
    cells: tuple[TableCell | None, ...]
    across: tuple[TableCell, ...] = ()


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its title, None if it has none, and from where to where its cells stand."""

    title: TableCell | None
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class TableExtent:
    """The part of a page, from `top` to `bottom`, that a table fills."""

    page: int
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class LayoutTable:
    """A table with all lines that stand within its extents, in the order of reading.

    `unplaced` are words that the text has between those of the table, and that have no known place
    on the page: they are in no row. `summed` is the column whose numbers add up to one below.
    `leading` is the column of numbers that stand before the texts of lines that are no table, and
    `is_columned` says that these lines have several numbers apart, as those of tables do.
    `counts` are the rows of each page by a second way, where cells are in no columns.
    """

    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    extents: tuple[TableExtent, ...]
    unplaced: tuple[Span, ...] = ()
    summed: int | None = None
    leading: int | None = None
    is_columned: bool = False
    counts: tuple[tuple[int, int], ...] = ()

    @property
    def pages(self) -> tuple[int, ...]:
        """Return the numbers of the pages that the table covers."""
        return tuple(dict.fromkeys(extent.page for extent in self.extents))

    @property
    def data(self) -> tuple[TableRow, ...]:
        """Return the rows that are neither header, summary nor note."""
        return tuple(row for row in self.rows if row.kind is RowKind.DATA)


def tables_of(pages: Iterable[PageLines]) -> Iterator[LayoutTable]:
    """Yield the tables of the pages of a document, each once its last line was found."""
    for joined in regrouped(joined_tables(without_running_lines(pages))):
        yield _table(joined)


def _table(joined: JoinedTable) -> LayoutTable:
    found = row_lines(joined.lines, is_written=joined.is_written)
    stacked = stacked_columns(found, len(joined.bands))
    found = parted_rows(found, stacked) if stacked else found
    bands = [band for at, band in enumerate(joined.bands) for _ in range(1 + (at in stacked))]
    heads = [parted_line(line, stacked, frozenset()) for line in joined.header]
    repeated = [parted_line(line, stacked, frozenset()) for line in joined.repeated]
    width = len(bands)
    rows = [
        TableRow(
            row.lines[0].page,
            RowKind.DATA if row.filled else RowKind.NOTE,
            tuple(_cell(row.cell(at)) for at in range(width)),
            tuple(TableCell(cell.text, (cell.span,)) for line in row.lines for cell in line.loose),
        )
        for row in found
    ]
    header = [
        TableRow(line.page, RowKind.HEADER, tuple(_cell(_pieces(line, at)) for at in range(width)))
        for line in (*heads, *repeated)
    ]
    columns = tuple(
        TableColumn(
            _cell([cell for line in heads for cell in _pieces(line, at)]),
            band.left,
            band.right,
        )
        for at, band in enumerate(bands)
    )
    titled = sum(column.title is not None for column in columns)
    lines = [*joined.header, *joined.repeated, *joined.lines]
    return LayoutTable(
        columns,
        (*header, *_kinds(rows, titled)),
        tuple(_extents(lines)),
        tuple(joined.unplaced),
    )


def _pieces(line: PlacedLine, column: int) -> list[LineCell]:
    return [cell for at, cell in line.cells if at == column]


def _cell(pieces: Sequence[LineCell]) -> TableCell | None:
    if not pieces:
        return None
    return TableCell(" ".join(piece.text for piece in pieces), tuple(p.span for p in pieces))


def _extents(lines: Iterable[PlacedLine]) -> Iterator[TableExtent]:
    tops: dict[int, float] = {}
    bottoms: dict[int, float] = {}
    for line in lines:
        tops[line.page] = min(tops.get(line.page, line.top), line.top)
        bottoms[line.page] = max(bottoms.get(line.page, line.bottom), line.bottom)
    for page in sorted(tops):
        yield TableExtent(page, tops[page], bottoms[page])


def _kinds(rows: Sequence[TableRow], titled: int) -> Iterator[TableRow]:
    """Yield the rows with notes and summaries told from data by the cells that they fill.

    `titled` is the number of columns that have a title.
    """
    data = [row for row in rows if row.kind is RowKind.DATA]
    fills = sorted(_fill(row) for row in data)
    usual = max(titled, fills[3 * len(fills) // 4]) if fills else 0
    full = [row for row in data if 2 * _fill(row) > usual]
    filled = Counter(at for row in full for at, cell in enumerate(row.cells) if cell)
    key = {at for at, count in filled.items() if count >= _KEY * len(full)}
    for number, row in enumerate(rows):
        if row.kind is not RowKind.DATA:
            yield row
            continue
        missing = [at for at in key if row.cells[at] is None]
        is_sparse = 2 * _fill(row) <= usual and bool(missing)
        at_end = number + 1 == len(rows) or rows[number + 1].page != row.page
        at_start = number == 0 or rows[number - 1].page != row.page
        is_edge = at_end or at_start
        at_edge = is_edge and missing and len(full) >= _MIN_ROWS and _fill(row) <= _EDGE * usual
        has_number = any(cell and is_number(cell.text) for cell in row.cells)
        if is_sparse and not has_number:
            yield replace(row, kind=RowKind.NOTE)
        elif has_number and (is_sparse or at_edge):
            yield replace(row, kind=RowKind.SUMMARY)
        else:
            yield row


def _fill(row: TableRow) -> int:
    return sum(cell is not None for cell in row.cells)

"""Columns and tables of a page, recognised by the white space between pieces of text.

Rows that leave the same vertical white stripes free form a run. A run whose cells are short, or
hold numbers, is a table and is read row by row; one whose cells fill their columns with words is
running text and is read column by column. Everything else is read in the given order.

After G. Nagy, S. Seth: Hierarchical representation of optically scanned documents (ICPR 1984),
which cuts pages at their white stripes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from chalicelib.documents.boxes import Piece, Row, line_height, rows_of

MAX_PIECES = 3_000
"""A page of more pieces is read in the given order: the search for runs would take too long."""

_WIDE = 0.6
"""A cell that takes a larger share of the page's width spans several columns."""
_NEAR = 3.0
"""Rows that are more line heights than this apart do not form a run."""
_GUTTER = 0.2
_BESIDE = 1.1
_MIN_ROWS = 3
_MIN_FILLED = 0.5
_MIN_NUMBERS = 0.6
_MIN_DIGITS = 0.4
_PROSE_WORDS = 4
_PROSE_WIDTH = 0.75
_PROSE_LINES = 0.6

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Prose:
    """Lines that are read one after the other."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its cells, row by row, and the pieces that they consist of."""

    cells: tuple[tuple[str, ...], ...]
    pieces: tuple[Piece, ...]


Region = Prose | Grid


def regions(pieces: Sequence[Piece], gap: float) -> list[Region]:
    """Return the regions of a page in the order in which they are read.

    Cells are at least `gap` line heights apart.
    """
    rows = rows_of(pieces, gap)
    if not rows or len(pieces) > MAX_PIECES:
        return [Prose(tuple(rows))] if rows else []
    width = max(piece.right for piece in pieces) - min(piece.left for piece in pieces)
    result: list[Region] = []
    waiting: list[Row] = []
    at = 0
    while at < len(rows):
        run = _run(rows, at, width)
        parts, end = _told(rows, run)
        if not parts or (len(rows[at]) == 1 and isinstance(parts[0], Grid)):
            waiting.append(rows[at])
            at += 1
            continue
        if waiting:
            result.append(Prose(tuple(waiting)))
            waiting = []
        result += parts
        at = end
    return [*result, Prose(tuple(waiting))] if waiting else result


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows `start` to `end` that leave the white stripes between `columns` free.

    From `last` on, only the first column has text, which is no part of a table.
    """

    columns: Sequence[Span]
    start: int
    last: int
    end: int


def _run(rows: Sequence[Row], start: int, width: float) -> _Run:
    """Return the run that starts at this row."""
    columns: list[Span] = []
    last = end = start
    for at in range(start, len(rows)):
        row = rows[at]
        if any(cell.right - cell.left > _WIDE * width for cell in row):
            break
        if at > start and not _is_near(rows[at - 1], row):
            break
        wider = _merged(columns, row)
        if len(wider) < max(len(columns), len(row)):
            break
        end = at + 1
        if len(row) > 1 or len(wider) > len(columns) or not _is_first(row[0], wider):
            last = end
        columns = wider
    return _Run(columns, start, last, end)


def _is_first(cell: Piece, columns: Sequence[Span]) -> bool:
    return cell.left < columns[0][1]


def _is_near(above: Row, below: Row) -> bool:
    height = line_height((above, below))
    return min(cell.top for cell in below) - max(cell.bottom for cell in above) <= _NEAR * height


def _merged(columns: Sequence[Span], row: Row) -> list[Span]:
    """Return the stripes of a page that are not white, including those of one more row."""
    room = _GUTTER * line_height((row,))
    spans = sorted([*columns, *((cell.left, cell.right) for cell in row)])
    merged = [spans[0]]
    for left, right in spans[1:]:
        if left - merged[-1][1] < room:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _told(rows: Sequence[Row], run: _Run) -> tuple[list[Region], int]:
    """Return the regions of a run and the row where they end: a table, text columns, or none."""
    columns, upto = run.columns, rows[run.start : run.last]
    if len(columns) < 2 or len(upto) < _MIN_ROWS:
        return [], run.end
    parted = [_column(upto, span) for span in columns]
    prose = sum(_is_prose(cells, span) for cells, span in zip(parted, columns, strict=True))
    if prose >= 2 and prose * 2 >= len(columns):
        whole = (_column(rows[run.start : run.end], span) for span in columns)
        return [Prose(tuple((cell,) for cell in cells)) for cells in whole], run.end
    together = _together(upto, columns)
    if prose < 2 and _is_table(together, columns, parted):
        cells = tuple(tuple(_within(row, span) for span in columns) for row in together)
        return [Grid(cells, tuple(cell for row in upto for cell in row))], run.last
    return [], run.end


def _together(run: Sequence[Row], columns: Sequence[Span]) -> list[Row]:
    """Return the rows of a table.

    Lines that are too close to be separate rows, and that share no column, form one row: a number
    beside a text of two lines stands between them.
    """
    rows: list[Row] = []
    last: Row = ()
    for row in run:
        if last and _is_beside(last, row) and not _places(last, columns) & _places(row, columns):
            rows[-1] = (*rows[-1], *row)
        else:
            rows.append(row)
        last = row
    return rows


def _is_beside(above: Row, below: Row) -> bool:
    height = max(cell.height for cell in (*above, *below))
    step = fmean(cell.middle for cell in below) - fmean(cell.middle for cell in above)
    return step < _BESIDE * height


def _places(row: Row, columns: Sequence[Span]) -> set[int]:
    return {
        at for at, span in enumerate(columns) for cell in row if span[0] <= cell.left <= span[1]
    }


def _column(run: Sequence[Row], span: Span) -> list[Piece]:
    return [cell for row in run for cell in row if span[0] <= cell.left <= span[1]]


def _within(row: Row, span: Span) -> str:
    return " ".join(cell.text for cell in row if span[0] <= cell.left <= span[1])


def _is_prose(cells: Sequence[Piece], span: Span) -> bool:
    """Return whether a column is running text: most lines have words and reach its end."""
    if len(cells) < _MIN_ROWS or median(len(cell.text.split()) for cell in cells) < _PROSE_WORDS:
        return False
    width = span[1] - span[0]
    full = sum(cell.right - cell.left >= _PROSE_WIDTH * width for cell in cells)
    return full >= _PROSE_LINES * len(cells)


def _is_table(
    run: Sequence[Row], columns: Sequence[Span], parted: Sequence[Sequence[Piece]]
) -> bool:
    """Return whether the rows are full enough and, of two columns, whether one has numbers."""
    several = sum(len(row) > 1 for row in run)
    filled = sum(len(row) for row in run)
    if several < _MIN_ROWS or filled < _MIN_FILLED * len(run) * len(columns):
        return False
    return len(columns) > 2 or any(_holds_numbers(cells) for cells in parted)


def _holds_numbers(cells: Sequence[Piece]) -> bool:
    numbers = sum(is_number(cell.text) for cell in cells)
    return numbers >= _MIN_NUMBERS * len(cells)


def is_number(text: str) -> bool:
    """Return whether a text is a number, a date or the like: enough of it are digits."""
    visible = "".join(text.split())
    digits = sum(character.isdigit() for character in visible)
    return digits >= max(1, _MIN_DIGITS * len(visible))

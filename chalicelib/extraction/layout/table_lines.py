"""The lines of a part of a table: which are its header, and which column each cell is in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.layout.parted_cells import parted_cell

if TYPE_CHECKING:
    from chalicelib.extraction.document import DocumentPage
    from chalicelib.extraction.layout.lines import LayoutLine, LineCell
    from chalicelib.extraction.layout.segments import TableSegment

NUMBERS = 0.6
"""Share of the cells of a column of numbers or dates that have enough digits."""
_AMOUNTS = 2
"""Amounts or dates in the first line of a part that goes on a table, if it is a row of it."""
_MAX_HEADER = 5
"""Lines of a header, at most."""
_MAX_WRAPS = 6
"""Lines of a row that goes on at the top of a page, at most."""
_FAR_HEADER = 3.0
"""Line heights between a header and its first row, at most."""
_CLOSE = 1.9
"""Line heights from the middle of a line of a header to that of the next, at most."""
_WORD = 0.7
"""Line heights from a text to a word that it goes on with, at most."""


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of a table: its cells with the numbers of their columns, from the left.

    Cells that stand across columns are in `loose`. `baseline`, by which the distance
    of lines is told, is the bottom of the word that reaches down least: some letters hang lower.
    `shown` is the number of its cells before they were cut between columns.
    """

    page: int
    cells: tuple[tuple[int, LineCell], ...]
    loose: tuple[LineCell, ...]
    top: float
    bottom: float
    height: float
    baseline: float
    shown: int = 1

    @property
    def filled(self) -> frozenset[int]:
        """Return the numbers of the columns that the line has text in."""
        return frozenset(at for at, _ in self.cells)

    @property
    def text(self) -> str:
        """Return the texts of all cells, by which a header is known again."""
        cells = [*(cell for _, cell in self.cells), *self.loose]
        return " ".join(cell.text for cell in sorted(cells, key=lambda cell: cell.place[0]))


@dataclass(frozen=True, slots=True)
class TablePart:
    """The lines of a segment in its own columns: text above, the header, and the body.

    `wraps` are lines above the segment that may belong to the last row of the page before.
    """

    segment: TableSegment
    wraps: tuple[PlacedLine, ...]
    above: tuple[PlacedLine, ...]
    header: tuple[PlacedLine, ...]
    body: tuple[PlacedLine, ...]
    has_numbers: bool


def table_part(
    segment: TableSegment, page: DocumentPage, before: Sequence[LayoutLine]
) -> TablePart:
    """Return a segment that is seen by its places, with its lines in columns.

    Args:
        segment: The lines that share columns.
        page: The page that they stand on.
        before: The lines of the page above the segment, which may begin its header.
    """
    lines = [placed_line(segment, line, page) for line in segment.lines]
    if len(lines) == 1:
        wraps = tuple(_wraps_above(segment, lines[0], page, before))
        return TablePart(segment, wraps, (), (), tuple(lines), True)
    numbers = _number_columns(lines)
    first = 0
    if segment.goes_on and _has_amounts(lines[0]):
        numbers = numbers or {at for at, cell in lines[0].cells if is_number(cell.text)}
    elif numbers:
        while first < len(lines) and not _has_number(lines[first], numbers):
            first += 1
        if first == len(lines):
            first = 1
        if first == 0 and _is_corner(lines):
            first = 1
    else:
        first = 1
    leading = lines[:first]
    head = _header(leading)
    if not head and not leading:
        head = list(_header_above(segment, lines[0], page, before))
    if head and leading and head[0] is leading[0]:
        head = [*_lines_above(segment, head[0], page, before), *head]
    above = leading[: leading.index(_first_of(head, leading))] if head and leading else leading
    below = leading[leading.index(head[-1]) + 1 :] if head and leading else []
    wraps = () if head else tuple(_wraps_above(segment, lines[0], page, before))
    body = (*below, *lines[first:])
    return TablePart(segment, wraps, tuple(above), tuple(head), body, bool(numbers))


def placed_line(segment: TableSegment, line: LayoutLine, page: DocumentPage) -> PlacedLine:
    """Return a line with its cells in the columns of a segment."""
    cells: list[tuple[int, LineCell]] = []
    across: list[tuple[list[int], LineCell]] = []
    for cell in line.cells:
        if segment.is_written:
            cells.append((cell.column, cell))
            continue
        hits = segment.hits(cell)
        if len(hits) > 1 and (parts := parted_cell(segment, cell, hits, page)):
            cells += parts
        elif len(hits) == 1:
            cells.append((hits[0], cell))
        else:
            across.append((hits, cell))
    loose: list[LineCell] = []
    filled = {at for at, _ in cells}
    for hits, cell in across:
        home = _flush(segment, cell, hits)
        if home is not None and home not in filled:
            cells.append((home, cell))
            filled.add(home)
        elif (beside := _column_beside(cells, cell)) is not None:
            cells.append((beside, cell))
        else:
            loose.append(cell)
    _, top, _, bottom = line.place
    heights = sorted(cell.height for cell in line.cells)
    cells.sort(key=lambda each: (each[0], each[1].place[0]))
    height = max(0.1, heights[len(heights) // 2])
    cells = _with_tails(cells)
    words = [page.placed_in(cell.span.start, cell.span.end) for cell in line.cells if cell.box]
    low = min((word.bottom for inner in words for word in inner), default=bottom)
    return PlacedLine(
        line.page, tuple(cells), tuple(loose), top, bottom, height, low, len(line.cells)
    )


def _with_tails(cells: Sequence[tuple[int, LineCell]]) -> list[tuple[int, LineCell]]:
    """Return the cells of a line, the end of a long text in the column of its beginning.

    Of two cells in one column, the first may reach in from the column before it: it is nearer to
    the text there than to the other.
    """
    moved = list(cells)
    for n in range(1, len(moved) - 1):
        (before, left), (at, cell), (same, right) = moved[n - 1], moved[n], moved[n + 1]
        near = cell.place[0] - left.place[2] < right.place[0] - cell.place[2]
        if at == same and before < at and near and not is_number(cell.text):
            moved[n] = (before, cell)
    return moved


def _flush(segment: TableSegment, cell: LineCell, hits: Sequence[int]) -> int | None:
    """Return the column in which a cell that is wider than it begins or ends, if one."""
    if not hits:
        edges = [
            max(band.left - cell.place[2], cell.place[0] - band.right) for band in segment.bands
        ]
        nearest = min(range(len(edges)), key=edges.__getitem__)
        return nearest if edges[nearest] < cell.height else None
    first, last = segment.bands[hits[0]], segment.bands[hits[-1]]
    if abs(first.left - cell.place[0]) < cell.height:
        return hits[0]
    return hits[-1] if abs(last.right - cell.place[2]) < cell.height / 2 else None


def _column_beside(cells: Sequence[tuple[int, LineCell]], cell: LineCell) -> int | None:
    """Return the column of the text that a text of the same line goes on with, if one does."""
    if is_number(cell.text):
        return None
    near = [
        (cell.place[0] - other.place[2], at)
        for at, other in cells
        if 0 <= cell.place[0] - other.place[2] < _WORD * cell.height and not is_number(other.text)
    ]
    return min(near)[1] if near else None


def _number_columns(lines: Sequence[PlacedLine]) -> set[int]:
    """Return the columns of numbers or dates, but for what stands in the first line."""
    counts: dict[int, list[bool]] = {}
    for line in lines[1:]:
        for at, cell in line.cells:
            counts.setdefault(at, []).append(is_number(cell.text))
    return {at for at, numbers in counts.items() if sum(numbers) >= NUMBERS * len(numbers)}


def _has_number(line: PlacedLine, columns: set[int]) -> bool:
    return any(at in columns and is_number(cell.text) for at, cell in line.cells)


def _has_amounts(line: PlacedLine) -> bool:
    """Return whether a line has several amounts or dates, which years in a header are not."""
    texts = [cell.text for _, cell in line.cells if is_number(cell.text)]
    return sum(not text.isdecimal() for text in texts) >= _AMOUNTS


def _is_corner(lines: Sequence[PlacedLine]) -> bool:
    """Return whether the first line leaves the column of the row titles empty, as years do.

    Its numbers are whole, as those of years and ranks are; amounts are those of a row.
    """
    if any(is_number(cell.text) and not cell.text.isdecimal() for _, cell in lines[0].cells):
        return False
    first = min(min(line.filled, default=0) for line in lines)
    return (
        first not in lines[0].filled
        and len(lines[0].filled) > 1
        and sum(first in line.filled for line in lines[1:]) == len(lines) - 1
    )


def _header(leading: Sequence[PlacedLine]) -> list[PlacedLine]:
    """Return the header among the lines before the first number: the fullest, and those by it."""
    if not leading:
        return []
    fullest = max(len(line.filled) for line in leading)
    main = max(at for at, line in enumerate(leading) if len(line.filled) == fullest)
    first = last = main
    while first > 0 and main - first < _MAX_HEADER and _are_close(*leading[first - 1 : first + 1]):
        first -= 1
    while (
        last + 1 < len(leading)
        and _are_close(*leading[last : last + 2])
        and not _is_group_title(leading[last + 1])
    ):
        last += 1
    return list(leading[first : last + 1])


def _is_group_title(line: PlacedLine) -> bool:
    """Return whether a line below a header may be the title of the rows that follow."""
    return not line.filled or line.filled == {0}


def _are_close(above: PlacedLine, below: PlacedLine) -> bool:
    return below.baseline - above.baseline <= _CLOSE * max(above.height, below.height)


def _first_of(head: Sequence[PlacedLine], leading: Sequence[PlacedLine]) -> PlacedLine:
    return next(line for line in head if line in leading)


def _lines_above(
    segment: TableSegment, first: PlacedLine, page: DocumentPage, before: Sequence[LayoutLine]
) -> Iterator[PlacedLine]:
    """Yield lines above a header that belong to it: each of their cells is over one column."""
    found: list[PlacedLine] = []
    below = first
    for line in reversed(before[-2:]):
        placed = placed_line(segment, line, page)
        over = len(placed.cells) == len(line.cells) and not placed.loose
        if not over or not _are_close(placed, below) or _is_wide(segment, placed):
            break
        found.insert(0, placed)
        below = placed
    yield from found


def _header_above(
    segment: TableSegment, first: PlacedLine, page: DocumentPage, before: Sequence[LayoutLine]
) -> Iterator[PlacedLine]:
    """Yield the lines above the first that are a header whose titles stand too close for cells.

    Their words are parted between the columns below; one of the lines has a title for most.
    """
    found: list[PlacedLine] = []
    below = first
    for line in reversed(before[-_MAX_HEADER:]):
        placed = placed_line(segment, line, page)
        near = below.top - placed.bottom <= (_CLOSE if found else _FAR_HEADER) * placed.height
        if not near or any(is_number(cell.text) for cell in line.cells):
            break
        found.insert(0, placed)
        below = placed
    fullest = max((len(line.filled) for line in found), default=0)
    while (
        found and 2 * len(found[0].filled) <= len(segment.bands) and len(found[0].filled) < fullest
    ):
        found.pop(0)
    if 2 * fullest > len(segment.bands):
        yield from found


def _wraps_above(
    segment: TableSegment, first: PlacedLine, page: DocumentPage, before: Sequence[LayoutLine]
) -> Iterator[PlacedLine]:
    """Yield the lines close above the first that stand flush in one column each."""
    found: list[PlacedLine] = []
    below = first
    for line in reversed(before[-_MAX_WRAPS:]):
        placed = placed_line(segment, line, page)
        flush = len(line.cells) == len(placed.cells) and all(
            abs(cell.place[0] - segment.bands[at].left) < cell.height for at, cell in placed.cells
        )
        if not flush or not _are_close(placed, below):
            break
        found.insert(0, placed)
        below = placed
    yield from found


def _is_wide(segment: TableSegment, line: PlacedLine) -> bool:
    return any(len(segment.hits(cell)) != 1 for _, cell in line.cells)

"""The parts of a table on one page after the other, joined into its columns and its lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.layout.segments import Band, TableSegment, segments_of
from chalicelib.extraction.layout.table_lines import PlacedLine, TablePart, table_part
from chalicelib.extraction.layout.written_tables import continuation, plain, written_part

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.layout.lines import PageLines

_MAPPED = 0.3
"""Share of the narrower of two bands that both cover if they are one column."""
_MOST = 0.6
"""Share of the columns of a part that are those of the table it continues, at least."""
_ALONE = 0.1
"""Share of the lines of a part that a column is in which is more than a part of a page's head."""
_MAX_BETWEEN = 12
"""Lines between two parts of a table, at most: the foot of a page and the head of the next."""
_BESIDE, _SPACE = 0.9, 1.6
"""Share of the cells of a column without a title that stand beside one of the column before, and
the usual line heights between them, if the two are but one column whose texts have wide gaps."""
_RARE, _FARTHER = 0.2, 4.0
"""Share of lines below which the cells of a column without a title are those of a neighbour; and
how many times as far one may be that has such cells, too."""


@dataclass(slots=True)
class JoinedTable:
    """Columns, and the lines that stand in them by their numbers: the header, and the body.

    `between` counts the lines behind the last one. Of a written table, `captions` are the titles
    over all columns, and `opening` is the first row of its page if that is no header: both are
    repeated in each of its blocks. It `adjoins` the table before it if nothing stands between.
    """

    bands: list[Band]
    header: list[PlacedLine]
    lines: list[PlacedLine]
    repeated: list[PlacedLine] = field(default_factory=list)
    is_written: bool = False
    has_numbers: bool = False
    last_page: int = 0
    between: int = 0
    unplaced: list[Span] = field(default_factory=list)
    captions: frozenset[str] = frozenset()
    opening: frozenset[str] = frozenset()
    adjoins: bool = False

    @property
    def titles(self) -> frozenset[str]:
        """Return the lines of the header by their text, by which they are known again."""
        return frozenset(plain(line.text) for line in self.header)


def joined_tables(pages: Iterable[PageLines]) -> Iterator[JoinedTable]:
    """Yield the tables of pages, each once its last line was found.

    A few tables are open at a time: what stands at the foot of a page may look like a table, and
    does not end the one above it.
    """
    tables: list[JoinedTable] = []
    for read in pages:
        at = 0
        above = [table for table in tables if read.page.number == table.last_page + 1]
        seed = max(above, key=lambda table: len(table.lines), default=None)
        for segment in segments_of(read, seed.bands if seed else ()):
            start = read.lines.index(segment.lines[0], at)
            end = start + len(segment.lines)
            _passed(tables, start - at)
            if segment.is_written:
                table = _with_written(tables, written_part(segment, read.page))
            else:
                table = _with_shown(tables, table_part(segment, read.page, read.lines[at:start]))
            _passed(tables, len(segment.lines))
            table.between = 0
            table.unplaced += _unplaced_within(read, segment)
            at = end
        _passed(tables, len(read.lines) - at)
        for table in [each for each in tables if each.last_page < read.page.number]:
            tables.remove(table)
            yield _finished(table)
    for table in tables:
        yield _finished(table)


def _with_shown(tables: list[JoinedTable], part: TablePart) -> JoinedTable:
    """Return the table that a part is now in: the one that it goes on with, or a new one."""
    going = [each for each in tables if _continues(each, part, each.between)]
    table = max(going, key=lambda each: _fellowship(each, part), default=None)
    if table is None:
        return _opened(tables, part)
    _join(table, part)
    return table


def _with_written(tables: list[JoinedTable], part: TablePart) -> JoinedTable:
    """Return the table that a part whose cells the text tells is now in."""
    for table in reversed(tables):
        near = part.segment.page - table.last_page <= 1 and table.between <= _MAX_BETWEEN
        same = table.is_written and (near or table.titles)
        going = continuation(table, part) if same else None
        if going is not None:
            _join_written(table, going)
            return table
    return _opened(tables, part)


def _join_written(table: JoinedTable, part: TablePart) -> None:
    """Take the rows of a part into a table; the header, if it has one, is repeated."""
    for band in part.segment.bands[len(table.bands) :]:
        table.bands.append(replace(band))
    if part.segment.page > table.last_page:
        table.opening = frozenset(plain(line.text) for line in part.body[: not part.header])
    table.repeated += part.header
    table.lines += map(_as_note, part.above)
    table.lines += part.body
    table.captions = frozenset(plain(line.text) for line in part.above) or table.captions
    table.last_page = part.segment.page


def _passed(tables: Iterable[JoinedTable], lines: int) -> None:
    """Count lines that stand behind all of some tables."""
    for table in tables:
        table.between += lines


def _fellowship(table: JoinedTable, part: TablePart) -> tuple[int, int]:
    """Return what tells the table that a part continues: columns in common, and its length."""
    columns = _mapped(table.bands, part.segment.bands)
    return sum(column is not None for column in columns), len(table.lines)


def _unplaced_within(read: PageLines, segment: TableSegment) -> list[Span]:
    """Return the words without a place that the text of a page has between those of a segment."""
    if not read.unplaced:
        return []
    spans = [cell.span for line in segment.lines for cell in line.cells]
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    return [span for span in read.unplaced if first <= span.start < last]


def _opened(tables: list[JoinedTable], part: TablePart) -> JoinedTable:
    """Return a new table that begins with a part, and add it to those that are open."""
    segment = part.segment
    opened = JoinedTable(
        [replace(band) for band in segment.bands],
        list(part.header),
        list(part.body),
        is_written=segment.is_written,
        has_numbers=part.has_numbers,
        last_page=segment.page,
        captions=frozenset(plain(line.text) for line in part.above),
        opening=frozenset(plain(line.text) for line in part.body[: not part.header]),
        adjoins=bool(tables) and tables[-1].is_written and tables[-1].between == 0,
    )
    tables.append(opened)
    return opened


def _continues(table: JoinedTable, part: TablePart, between: int) -> bool:
    """Return whether a part goes on where a table ended: in its columns, under its header."""
    if part.segment.page - table.last_page > 1 or table.is_written:
        return False
    if any(plain(line.text) in table.titles for line in part.header):
        return True
    bands = part.segment.bands
    shared = [at for at, band in enumerate(bands) if band.count > _ALONE * len(part.body)]
    columns = _mapped(table.bands, [bands[at] for at in shared])
    mapped = sum(column is not None for column in columns)
    least = max(2, math.ceil(_MOST * len(columns)))
    if between > _MAX_BETWEEN or mapped < least:
        return False
    if part.segment.page == table.last_page and _aligned(table, part, shared, columns) < least:
        return False
    titled = max(
        (min(line.shown, len(line.filled & set(shared))) for line in part.header), default=0
    )
    if not table.header and part.segment.page == table.last_page + 1:
        return mapped == len(columns) == len(table.bands) or (
            not titled and _have_same_columns(table, part)
        )
    return not part.has_numbers or 2 * titled <= len(table.bands)


def _have_same_columns(table: JoinedTable, part: TablePart) -> bool:
    """Return whether each usual column of a table or of a part has one in the other below it.

    A column that few lines of a page fill may be missing there, and the texts of another may be
    cut in two by a wide gap. Without boxes the place of a text is not known well enough.
    """
    if not all(cell.box for line in part.body[:1] for _, cell in line.cells):
        return False
    sides = [(table.bands, len(table.lines)), (part.segment.bands, len(part.body))]
    return all(
        any(other.covers(band.left, band.right) >= _MAPPED for other in others)
        for (bands, lines), (others, _) in (sides, sides[::-1])
        for band in bands
        if band.count > _RARE * lines
    )


def _aligned(
    table: JoinedTable, part: TablePart, shared: Sequence[int], columns: Sequence[int | None]
) -> int:
    """Return how many columns of a part begin, end or are centred where those of a table are."""
    height = part.body[0].height if part.body else 0.0
    count = 0
    for at, column in zip(shared, columns, strict=True):
        if column is not None:
            one, other = table.bands[column], part.segment.bands[at]
            left, right = one.left - other.left, one.right - other.right
            count += min(abs(left), abs(right), abs(left + right) / 2) < height
    return count


def _mapped(bands: Sequence[Band], others: Sequence[Band]) -> list[int | None]:
    """Return for each of `others` the number of the band that is the same column, in order."""
    columns: list[int | None] = []
    first = 0
    for other in others:
        covers = [
            (band.covers(other.left, other.right), -at)
            for at, band in enumerate(bands[first:], first)
        ]
        cover, at = max(covers, default=(0.0, 0))
        if cover >= _MAPPED:
            columns.append(-at)
            first = -at + 1
        else:
            columns.append(None)
    return columns


def _join(table: JoinedTable, part: TablePart) -> None:
    """Take a part into a table; what stands in none of its columns opens a new one."""
    segment = part.segment
    numbers = _taken_in(table, segment.bands)
    if not table.header:
        table.header = [_moved(line, numbers) for line in part.header]
    repeats = any(plain(line.text) in table.titles for line in part.header)
    head = part.header
    if table.header and part.has_numbers and not repeats:
        head = tuple(_as_note(line) if len(line.filled) > 1 else line for line in head)
    body = part.body if repeats else (*part.wraps, *part.above, *head, *part.body)
    if repeats:
        table.repeated += [_moved(line, numbers) for line in part.header]
        table.lines += map(_as_note, part.above)
    table.lines += [_moved(line, numbers) for line in body]
    table.has_numbers |= part.has_numbers
    table.last_page = segment.page


def _taken_in(table: JoinedTable, bands: Sequence[Band]) -> list[int]:
    """Return the numbers in the table of the bands of a part, which widen its own."""
    columns = _mapped(table.bands, bands)
    known = list(table.bands)
    for column, band in zip(columns, bands, strict=True):
        if column is not None:
            known[column].add(band.left, band.right, band.count)
    new = [replace(band) for column, band in zip(columns, bands, strict=True) if column is None]
    if new:
        table.bands = sorted([*known, *new], key=lambda band: band.left)
        places = {id(band): at for at, band in enumerate(table.bands)}
        moves = [places[id(band)] for band in known]
        table.header = [_moved(line, moves) for line in table.header]
        table.lines = [_moved(line, moves) for line in table.lines]
        table.repeated = [_moved(line, moves) for line in table.repeated]
    places = {id(band): at for at, band in enumerate(table.bands)}
    waiting = iter(new)
    return [
        places[id(known[column] if column is not None else next(waiting))] for column in columns
    ]


def _moved(line: PlacedLine, numbers: Sequence[int]) -> PlacedLine:
    cells = sorted(
        ((numbers[at], cell) for at, cell in line.cells),
        key=lambda each: (each[0], each[1].span.start if each[1].box is None else 0),
    )
    return replace(line, cells=tuple(cells))


def _as_note(line: PlacedLine) -> PlacedLine:
    """Return a line above a header as one that stands in no column."""
    return replace(line, cells=(), loose=(*(cell for _, cell in line.cells), *line.loose))


def _finished(table: JoinedTable) -> JoinedTable:
    """Return a table without columns that are but a part of their neighbour.

    A title may stand beside the cells of its column, and so make a column of its own; and a gap
    within a text may be as wide as one between columns.
    """
    if table.is_written or not table.header:
        return table
    titled = {at for line in table.header for at in line.filled}
    counts = [0] * len(table.bands)
    for line in table.lines:
        for at in line.filled:
            counts[at] += 1
    numeric = _numeric(table.lines, len(counts))
    homes = list(range(len(counts)))
    for title, body in _pairs(titled, counts, homes):
        homes[title] = body
    titled |= {homes[at] for at in titled}
    for at in range(len(counts)):
        if at in titled or homes[at] != at or len(titled) < 2:
            continue
        near = [n for n in (at - 1, at + 1) if 0 <= n < len(counts) and homes[n] == n]
        if near and counts[at] < _RARE * len(table.lines):
            apart = {n: max(0.0, _apart(table.bands[at], table.bands[n])) for n in near}
            most = _FARTHER * min(apart.values()) + _FARTHER
            alike = [n for n in near if numeric[n] == numeric[at] and apart[n] <= most] or near
            homes[at] = min(alike, key=apart.__getitem__)
        elif at and homes[at - 1] == at - 1 and _goes_on(table.lines, at - 1, at):
            homes[at] = at - 1
    kept = [at for at, home in enumerate(homes) if home == at]
    numbers = [kept.index(_home(homes, at)) for at in range(len(homes))]
    table.bands = [table.bands[at] for at in kept]
    table.header = [_moved(line, numbers) for line in table.header]
    table.repeated = [_moved(line, numbers) for line in table.repeated]
    table.lines = [_moved(line, numbers) for line in table.lines]
    return table


def _home(homes: Sequence[int], at: int) -> int:
    while homes[at] != at:
        at = homes[at]
    return at


def _numeric(lines: Sequence[PlacedLine], columns: int) -> list[bool]:
    """Return of each column whether most of its cells are numbers."""
    balance = [0] * columns
    for line in lines:
        for at, cell in line.cells:
            balance[at] += 1 if is_number(cell.text) else -1
    return [each > 0 for each in balance]


def _goes_on(lines: Sequence[PlacedLine], left: int, right: int) -> bool:
    """Return whether the cells of a column mostly go on with the text in the one before it."""
    gaps: list[float] = []
    count = 0
    for line in lines:
        cells = dict(line.cells)
        if right in cells:
            count += 1
            if left in cells:
                gaps.append((cells[right].place[0] - cells[left].place[2]) / line.height)
    return bool(gaps) and len(gaps) >= _BESIDE * count and median(gaps) < _SPACE


def _pairs(
    titled: set[int], counts: Sequence[int], homes: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Yield the columns that are but a title, each with the one that has the cells below it.

    Titles and cells that stand beside each other go together in their order.
    """
    alone = [
        at for at, count in enumerate(counts) if homes[at] == at and (at in titled) != (count > 0)
    ]
    runs: list[list[int]] = []
    for at in alone:
        if runs and at == runs[-1][-1] + 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    for run in runs:
        titles = [at for at in run if at in titled]
        bodies = [at for at in run if at not in titled]
        if len(titles) == len(bodies):
            yield from zip(titles, bodies, strict=True)
            continue
        for title in titles:
            beside = [at for at in (title - 1, title + 1) if at in bodies]
            if beside:
                bodies.remove(beside[-1])
                yield title, beside[-1]


def _apart(one: Band, other: Band) -> float:
    return max(one.left - other.right, other.left - one.right)

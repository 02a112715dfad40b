"""The rows of a table from its lines: which lines are one row.

A line that fills most columns begins a row, and so does one with a number or a date. Lines that
only fill columns of text are its wrapped texts: those above or below it, as the gaps between the
lines show, and where these are all alike, as the rows at the ends of the table do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.layout.table_lines import NUMBERS

if TYPE_CHECKING:
    from chalicelib.extraction.layout.lines import LineCell
    from chalicelib.extraction.layout.table_lines import PlacedLine

_FULL = 0.5
"""Share of the columns that most rows fill which a line fills that is no wrapped text."""
_CLOSER = 0.85
"""A line that is nearer to the one above, in distances of two rows, belongs to the same row."""
_CLEARLY = 1.4
"""Ratio of the widest gap between the lines of two rows to the next, if the rows part there."""
_BESIDE = 1.1
"""Line heights from a line to the next that stands beside it rather than below."""
_OFTEN = 0.3
"""Share of the wrapped lines that had room in the line above, if the table breaks lines so."""
_SURE = 3
"""How many times as many lines are below the numbers as above if these stand at the top."""


@dataclass(slots=True)
class RowLines:
    """The lines of one row from the top, `before` of which are above its numbers."""

    lines: list[PlacedLine] = field(default_factory=list)
    before: int = 0

    @property
    def filled(self) -> frozenset[int]:
        """Return the numbers of the columns that the row has text in."""
        return frozenset(at for line in self.lines for at in line.filled)

    def cell(self, column: int) -> list[LineCell]:
        """Return the pieces of a cell from the first."""
        return [cell for line in self.lines for at, cell in line.cells if at == column]


class _Alignment(Enum):
    TOP, MIDDLE, BOTTOM = range(3)


def row_lines(lines: Sequence[PlacedLine], *, is_written: bool) -> list[RowLines]:
    """Return the lines of a table's body as rows; each line is in exactly one."""
    if is_written:
        return [RowLines([line]) for line in lines]
    shape = _shape(lines)
    rows = _Rows(shape)
    titles = _group_titles(lines, shape)
    for at, line in enumerate(lines):
        if at in titles:
            rows.take_title(line)
        else:
            rows.take(line)
    return rows.finished()


def _group_titles(lines: Sequence[PlacedLine], shape: _Shape) -> frozenset[int]:
    """Return which lines are titles of the rows below them, in a table that begins with one.

    They have text in the same column alone, where the text of the next row had room behind it: it
    does not go on with theirs.
    """
    if len(lines) < 2 or lines[0].page != lines[1].page:
        return frozenset()
    own = lines[0].filled

    def is_title(at: int) -> bool:
        line, below = lines[at], lines[at + 1]
        alone = len(line.cells) == 1 and line.filled == own and not shape.is_row(line)
        return alone and shape.is_row(below) and shape.has_room(below, RowLines([line]))

    if not is_title(0):
        return frozenset()
    return frozenset(at for at in range(len(lines) - 1) if is_title(at))


@dataclass(frozen=True, slots=True)
class _Shape:
    """Properties that the rows of a table share.

    Attributes:
        full: Columns that a line fills which is no wrapped text.
        wrapped: The columns whose texts go on in further lines.
        rights: Where the longest text of each column ends.
        pitch: The distance of two rows of one line, 0 if none follow each other.
        is_spaced: Whether lines within a row are closer than rows.
        breaks: Whether lines are broken where there is room for the next word.
        alignment: Where the numbers of a row stand beside a wrapped text.
    """

    full: float
    wrapped: frozenset[int]
    rights: dict[int, float]
    pitch: float
    is_spaced: bool = False
    breaks: bool = False
    alignment: _Alignment = _Alignment.TOP

    def is_row(self, line: PlacedLine) -> bool:
        """Return whether a line is more than a wrapped text."""
        if not line.filled or len(line.filled) >= self.full:
            return True
        return bool(line.filled - self.wrapped)

    def is_wrap_of(self, line: PlacedLine, above: RowLines) -> bool:
        """Return whether a line may go on with the texts of a row above it."""
        last = above.lines[-1]
        if not above.filled:
            return False
        if line.page != last.page:
            return True
        if self.is_spaced and _step(last, line) >= _CLOSER * self.pitch > 0:
            return False
        return self.breaks or self.is_spaced or not self.has_room(line, above)

    def has_room(self, line: PlacedLine, above: RowLines) -> bool:
        """Return whether the first word of each cell had room at the end of the line above."""
        for at, cell in line.cells:
            pieces = above.cell(at)
            if not pieces:
                continue
            text = cell.text.split()[0]
            width = (cell.place[2] - cell.place[0]) * (len(text) + 1) / max(1, len(cell.text))
            if pieces[-1].place[2] + width > self.rights[at] - line.height:
                return False
        return True


def _shape(lines: Sequence[PlacedLine]) -> _Shape:
    fills = sorted(len(line.filled) for line in lines)
    full = max(2.0, _FULL * fills[3 * len(fills) // 4]) if fills else 2.0
    numbers: dict[int, list[bool]] = {}
    rights: dict[int, float] = {}
    for line in lines:
        for at in line.filled:
            cells = [cell for column, cell in line.cells if column == at]
            numbers.setdefault(at, []).append(all(is_number(cell.text) for cell in cells))
            rights[at] = max(rights.get(at, 0.0), *(cell.place[2] for cell in cells))
    texts = {at for at, are in numbers.items() if sum(are) < NUMBERS * len(are)}
    wrapped = frozenset(
        at
        for line in lines
        if len(line.filled) < full and line.filled <= texts
        for at in line.filled
    )
    steps = [
        _step(above, below)
        for above, below in pairwise(lines)
        if above.page == below.page and min(len(above.filled), len(below.filled)) >= full
    ]
    shape = _Shape(full, wrapped, rights, median(steps) if steps else 0.0)
    wraps = [
        _step(above, below)
        for above, below in pairwise(lines)
        if above.page == below.page and not shape.is_row(below)
    ]
    close = sum(step < _CLOSER * shape.pitch for step in wraps)
    return _Shape(
        full,
        wrapped,
        rights,
        shape.pitch,
        is_spaced=2 * close > len(wraps),
        breaks=_breaks_freely(lines, shape),
        alignment=_alignment(lines, shape),
    )


def _breaks_freely(lines: Sequence[PlacedLine], shape: _Shape) -> bool:
    """Return whether many lines go on below a line that had room for their first word."""
    room = wraps = 0
    above: PlacedLine | None = None
    for line in lines:
        if above is not None and not shape.is_row(line) and line.page == above.page:
            wraps += 1
            room += shape.has_room(line, RowLines([above]))
        above = line
    return room > _OFTEN * wraps


def _alignment(lines: Sequence[PlacedLine], shape: _Shape) -> _Alignment:
    """Return where the numbers of rows stand, by the gaps and by the lines at the ends."""
    rows = [at for at, line in enumerate(lines) if line.filled and shape.is_row(line)]
    if not rows:
        return _Alignment.TOP
    above, below = rows[0], len(lines) - 1 - rows[-1]
    if not above:
        below += 1
    cuts: list[int | None] = []
    for one, other in pairwise(rows):
        run = lines[one + 1 : other]
        if run and lines[one].page == lines[other].page:
            cut = _cut(lines[one], run, lines[other])
            cuts.append(cut)
            below += cut or 0
            above += 0 if cut is None else len(run) - cut
    if 2 * cuts.count(None) > len(cuts):
        above, below = rows[0], 0 if rows[0] else 1
    if below >= _SURE * above:
        return _Alignment.TOP
    return _Alignment.BOTTOM if above >= _SURE * below else _Alignment.MIDDLE


def _cut(above: PlacedLine, run: Sequence[PlacedLine], below: PlacedLine) -> int | None:
    """Return how many lines of a run belong to the row above, None if the gaps do not tell.

    The tops of the lines must tell the same as their bottoms: each depends on the letters, too.
    """
    pairs = list(pairwise([above, *run, below]))
    cuts: set[int | None] = set()
    for steps in (
        [under.top - over.top for over, under in pairs],
        [under.baseline - over.baseline for over, under in pairs],
    ):
        widest = max(steps)
        clear = widest >= _CLEARLY * sorted(steps)[-2]
        cuts.add(steps.index(widest) if clear else None)
    return cuts.pop() if len(cuts) == 1 else None


def _step(above: PlacedLine, below: PlacedLine) -> float:
    """Return how far a line is below another."""
    return (below.top - above.top + below.baseline - above.baseline) / 2


class _Rows:
    """Rows in the making: lines wait until it is known which row they belong to."""

    def __init__(self, shape: _Shape) -> None:
        self._shape = shape
        self._rows: list[RowLines] = []
        self._run: list[PlacedLine] = []

    def take(self, line: PlacedLine) -> None:
        """Take the next line."""
        if not self._shape.is_row(line):
            self._run.append(line)
            return
        lower = self._share_out(line)
        last = self._rows[-1] if self._rows else None
        if not lower and last is not None and self._belongs(line, last):
            last.lines.append(line)
        else:
            self._rows.append(RowLines([*lower, line], len(lower)))

    def take_title(self, line: PlacedLine) -> None:
        """Take a line that belongs to no row, neither above nor below it."""
        self._add(self._run)
        self._run = []
        self._rows.append(RowLines([line]))

    def finished(self) -> list[RowLines]:
        """Return the rows, each line in one."""
        self._add(self._run)
        self._run = []
        return self._rows

    def _share_out(self, row: PlacedLine) -> list[PlacedLine]:
        """Give waiting lines to the row above; return those that belong to the next."""
        run, self._run = self._run, []
        if not run:
            return []
        if not row.filled:
            self._add(run)
            return []
        if not self._rows or not self._rows[-1].filled:
            return self._apart(run, row)
        last = self._rows[-1]
        count = sum(line.page == last.lines[-1].page for line in run)
        cut = len(run)
        if row.page == last.lines[-1].page:
            found = _cut(last.lines[-1], run, row)
            cut = self._usual(len(run), last) if found is None else found
            if found is not None:
                last.lines += run[:cut]
                return self._apart(run[cut:], row)
        elif self._shape.alignment is not _Alignment.TOP:
            cut = count
        self._add(run[:cut])
        return self._apart(run[cut:], row)

    def _usual(self, count: int, last: RowLines) -> int:
        """Return how many of the lines between two rows belong to the one above."""
        match self._shape.alignment:
            case _Alignment.TOP:
                return count
            case _Alignment.BOTTOM:
                return 0
            case _Alignment.MIDDLE:
                return min(count, last.before)

    def _apart(self, run: list[PlacedLine], row: PlacedLine) -> list[PlacedLine]:
        """Make rows of the lines that are too far above a row to belong to it."""
        shape = self._shape
        top = shape.alignment is _Alignment.TOP and (not shape.is_spaced or not self._rows)
        lower: list[PlacedLine] = []
        below = row
        for line in reversed(run):
            step = _step(line, below)
            far = shape.is_spaced and step >= _CLOSER * shape.pitch > 0
            if top or far or line.page != row.page:
                break
            lower.insert(0, line)
            below = line
        self._rows += [RowLines([line]) for line in run[: len(run) - len(lower)]]
        return lower

    def _add(self, run: Sequence[PlacedLine]) -> None:
        """Add lines to the last row as far as they are wrapped texts, else as rows."""
        for line in run:
            if self._rows and self._shape.is_wrap_of(line, self._rows[-1]):
                self._rows[-1].lines.append(line)
            else:
                self._rows.append(RowLines([line]))

    def _belongs(self, line: PlacedLine, above: RowLines) -> bool:
        """Return whether a line that is more than a wrapped text is still the row above."""
        last = above.lines[-1]
        if last.page != line.page or not above.filled or not line.filled:
            return False
        step = _step(last, line)
        if step < _BESIDE * max(line.height, last.height) and not above.filled & line.filled:
            return True
        if any(is_number(cell.text) and at in above.filled for at, cell in line.cells):
            return False
        return len(line.filled) < self._shape.full and step < _CLOSER * self._shape.pitch

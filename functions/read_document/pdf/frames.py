"""The ruling lines that a PDF page draws, and the frames of tables that they make."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pypdfium2 import raw

if TYPE_CHECKING:
    import pypdfium2


MAX_OBJECTS = 5_000


MAX_RULES = 2_000
"""A page with more lines than this is a drawing, and its lines are not searched for tables."""


_THIN = 3.0


_SHORT = 6.0


_MIN_PATHS = 3


_SEGMENTS_OF_A_RECTANGLE = 5


@dataclass(frozen=True, slots=True)
class RulingLine:
    """A line along one axis: at `at` on the other axis, from `start` to `end`."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class RulingLines:
    """The lines of a page."""

    across: tuple[RulingLine, ...]
    down: tuple[RulingLine, ...]


def ruling_lines(page: pypdfium2.PdfPage) -> RulingLines | None:
    """Return the lines that a page draws, None if they are too few or many for a table."""
    paths = _paths(page)
    if len(paths) < _MIN_PATHS:
        return None
    rotation = raw.FPDFPage_GetRotation(page)
    across: list[RulingLine] = []
    down: list[RulingLine] = []
    for path in paths:
        for left, top, right, bottom in _boxes(path, rotation):
            if bottom - top <= _THIN:
                across.append(RulingLine((top + bottom) / 2, left, right))
            elif right - left <= _THIN:
                down.append(RulingLine((left + right) / 2, top, bottom))
            else:
                across += [RulingLine(top, left, right), RulingLine(bottom, left, right)]
                down += [RulingLine(left, top, bottom), RulingLine(right, top, bottom)]
        if len(across) + len(down) > MAX_RULES:
            return None
    long = [rule for rule in across if rule.end - rule.start > _SHORT]
    high = [rule for rule in down if rule.end - rule.start > _SHORT]
    return RulingLines(tuple(long), tuple(high))


def rotated_box(
    rotation: int, left: float, bottom: float, right: float, top: float
) -> tuple[float, float, float, float]:
    """Return a box of a page, `y` growing upwards, as it is displayed, `y` growing downwards.

    `rotation` counts quarter turns clockwise.
    """
    match rotation:
        case 1:
            return bottom, left, top, right
        case 2:
            return -right, bottom, -left, top
        case 3:
            return -top, -right, -bottom, -left
        case _:
            return left, -top, right, -bottom


def _paths(page: pypdfium2.PdfPage) -> Sequence[object]:
    count = raw.FPDFPage_CountObjects(page)
    if count > MAX_OBJECTS:
        return ()
    page_objects = (raw.FPDFPage_GetObject(page, index) for index in range(count))
    return [
        page_object
        for page_object in page_objects
        if raw.FPDFPageObj_GetType(page_object) == raw.FPDF_PAGEOBJ_PATH
    ]


def _boxes(path: object, rotation: int) -> Iterator[tuple[float, float, float, float]]:
    """Yield the boxes of the lines and rectangles of a path that is painted."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, ctypes.byref(fill), ctypes.byref(stroke))
    if not (fill.value or stroke.value):
        return
    segments = raw.FPDFPath_CountSegments(path)
    if segments <= _SEGMENTS_OF_A_RECTANGLE:
        edges = [ctypes.c_float() for _ in range(4)]
        if raw.FPDFPageObj_GetBounds(path, *map(ctypes.byref, edges)):
            left, bottom, right, top = (edge.value for edge in edges)
            yield rotated_box(rotation, left, bottom, right, top)
    elif segments <= MAX_RULES:
        for x0, y0, x1, y1 in _straight(path, segments):
            yield rotated_box(rotation, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _straight(path: object, segments: int) -> Iterator[tuple[float, float, float, float]]:
    """Yield the lines of a path that run along an axis, from corner to corner."""
    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(path, ctypes.byref(matrix))
    x, y = ctypes.c_float(), ctypes.c_float()
    before = (0.0, 0.0)
    for index in range(segments):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        here = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        if raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_LINETO and (
            abs(here[0] - before[0]) < 1 or abs(here[1] - before[1]) < 1
        ):
            yield (*before, *here)
        before = here


MAX_CELLS = 5_000
MAX_MEETINGS = 100_000
"""The most pairs of lines that are tested for an intersection."""

_SNAP = 3.0
"""Lines that are less than this many points apart are one line, drawn twice or in pieces."""

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TableFrame:
    """The lines of one table, and for each of its cells the first one that it is merged with."""

    downs: tuple[float, ...]
    acrosses: tuple[float, ...]
    owners: dict[Cell, Cell]

    @property
    def size(self) -> Cell:
        """Return the number of rows and columns."""
        return len(self.acrosses) - 1, len(self.downs) - 1

    def cell(self, x: float, y: float) -> Cell | None:
        """Return the cell around a point, None outside of the frame."""
        column, row = bisect_right(self.downs, x) - 1, bisect_right(self.acrosses, y) - 1
        return self.owners.get((row, column))


def frames_of(rules: RulingLines) -> list[TableFrame]:
    """Return the frames of at least two rows and two columns that the lines of a page make."""
    across, down = _merge_lines(rules.across), _merge_lines(rules.down)
    if len(across) * len(down) > MAX_MEETINGS:
        return []
    frames = [_frame(*lines) for lines in _connected_groups(across, down)]
    return [frame for frame in frames if frame is not None]


def _merge_lines(rules: Sequence[RulingLine]) -> list[RulingLine]:
    """Return lines without duplicates, with the pieces of one line merged."""
    level: list[RulingLine] = []
    at = float("-inf")
    for rule in sorted(rules, key=lambda each: each.at):
        at = at if rule.at - at <= _SNAP else rule.at
        level.append(RulingLine(at, rule.start, rule.end))
    joined: list[RulingLine] = []
    for rule in sorted(level, key=lambda each: (each.at, each.start)):
        last = joined[-1] if joined else None
        if last and last.at == rule.at and rule.start - last.end <= _SNAP:
            joined[-1] = RulingLine(last.at, last.start, max(last.end, rule.end))
        else:
            joined.append(rule)
    return joined


def _connected_groups(
    across: Sequence[RulingLine], down: Sequence[RulingLine]
) -> Iterator[tuple[list[RulingLine], list[RulingLine]]]:
    """Yield groups of connected lines: each meets another of its group."""
    groups = _DisjointSets(len(across) + len(down))
    for row, level in enumerate(across):
        for column, upright in enumerate(down, len(across)):
            if _meet(level, upright):
                groups.join(row, column)
    for members in groups.members():
        levels = [across[at] for at in members if at < len(across)]
        uprights = [down[at - len(across)] for at in members if at >= len(across)]
        yield levels, uprights


def _meet(level: RulingLine, upright: RulingLine) -> bool:
    return (
        level.start - _SNAP <= upright.at <= level.end + _SNAP
        and upright.start - _SNAP <= level.at <= upright.end + _SNAP
    )


def _frame(across: Sequence[RulingLine], down: Sequence[RulingLine]) -> TableFrame | None:
    if not across or not down:
        return None
    # A table that is open to the sides ends where its lines end.
    ends = [min(rule.start for rule in across), max(rule.end for rule in across)]
    downs = _distinct([*(rule.at for rule in down), *ends])
    acrosses = _distinct([rule.at for rule in across])
    rows, columns = len(acrosses) - 1, len(downs) - 1
    if rows < 2 or columns < 2 or rows * columns > MAX_CELLS:
        return None
    groups = _DisjointSets(rows * columns)
    for row, (top, bottom) in enumerate(pairwise(acrosses)):
        for column, (left, right) in enumerate(pairwise(downs)):
            here = row * columns + column
            if column + 1 < columns and not _is_parted(down, right, (top + bottom) / 2):
                groups.join(here, here + 1)
            if row + 1 < rows and not _is_parted(across, bottom, (left + right) / 2):
                groups.join(here, here + columns)
    owners = {
        divmod(at, columns): divmod(members[0], columns)
        for members in groups.members()
        for at in members
    }
    return TableFrame(downs, acrosses, owners)


def _distinct(values: Sequence[float]) -> tuple[float, ...]:
    """Return positions in ascending order, without near duplicates."""
    positions: list[float] = []
    for value in sorted(values):
        if not positions or value - positions[-1] > _SNAP:
            positions.append(value)
    return tuple(positions)


def _is_parted(rules: Sequence[RulingLine], at: float, middle: float) -> bool:
    """Return whether a line at `at` passes `middle`."""
    return any(abs(rule.at - at) <= _SNAP and rule.start <= middle <= rule.end for rule in rules)


class _DisjointSets:
    """A union-find structure over the numbers below `count`."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def join(self, one: int, other: int) -> None:
        first, second = sorted((self._top(one), self._top(other)))
        self._above[second] = first

    def members(self) -> list[list[int]]:
        """Return the members of each group in ascending order."""
        groups: dict[int, list[int]] = {}
        for at in range(len(self._above)):
            groups.setdefault(self._top(at), []).append(at)
        return list(groups.values())

    def _top(self, at: int) -> int:
        while self._above[at] != at:
            self._above[at] = self._above[self._above[at]]
            at = self._above[at]
        return at

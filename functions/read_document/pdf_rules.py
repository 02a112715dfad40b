"""The straight lines that a PDF page draws, and the frames of tables that they make.

Coordinates are those of the page as it is shown, in points, growing to the right and downwards.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypdfium2 import raw

if TYPE_CHECKING:
    import pypdfium2

MAX_OBJECTS = 5_000
MAX_RULES = 2_000
"""A page that draws more than this is a drawing, and no table is looked for in its lines."""

_THIN = 3.0
_SHORT = 6.0
_MIN_PATHS = 3
_SEGMENTS_OF_A_RECTANGLE = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """A line along one axis: at `at` of the other one, from `start` to `end`."""

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Rules:
    """The lines of a page."""

    across: tuple[Rule, ...]
    down: tuple[Rule, ...]


def rules_of(page: pypdfium2.PdfPage) -> Rules | None:
    """Return the lines that a page draws, None where they are too few or many for a table."""
    paths = _paths(page)
    if len(paths) < _MIN_PATHS:
        return None
    rotation = raw.FPDFPage_GetRotation(page)
    across: list[Rule] = []
    down: list[Rule] = []
    for path in paths:
        for left, top, right, bottom in _boxes(path, rotation):
            if bottom - top <= _THIN:
                across.append(Rule((top + bottom) / 2, left, right))
            elif right - left <= _THIN:
                down.append(Rule((left + right) / 2, top, bottom))
            else:
                across += [Rule(top, left, right), Rule(bottom, left, right)]
                down += [Rule(left, top, bottom), Rule(right, top, bottom)]
        if len(across) + len(down) > MAX_RULES:
            return None
    long = [rule for rule in across if rule.end - rule.start > _SHORT]
    high = [rule for rule in down if rule.end - rule.start > _SHORT]
    return Rules(tuple(long), tuple(high))


def turned(
    rotation: int, left: float, bottom: float, right: float, top: float
) -> tuple[float, float, float, float]:
    """Return a box of a page, whose `y` grows upwards, as the page is shown: `y` grows downwards.

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
    found = (raw.FPDFPage_GetObject(page, index) for index in range(count))
    return [each for each in found if raw.FPDFPageObj_GetType(each) == raw.FPDF_PAGEOBJ_PATH]


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
            yield turned(rotation, left, bottom, right, top)
    elif segments <= MAX_RULES:
        for x0, y0, x1, y1 in _straight(path, segments):
            yield turned(rotation, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


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

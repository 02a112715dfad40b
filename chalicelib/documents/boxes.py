"""Pieces of text with their positions on a page, grouped into rows of cells.

Coordinates grow to the right and downwards, in any unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

_SAME_ROW = 0.5
MARKER = re.compile(r"[(\[]?\w{1,3}[.)\]]|[•◦▪‣*·–—-]")  # noqa: RUF001
"""The mark of an item of a list."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Text that stands together on one line; `at` is its place in the source."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    at: tuple[int, ...] = ()

    @property
    def height(self) -> float:
        """Return the height of the piece."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Return the vertical position of its middle line on the page."""
        return (self.top + self.bottom) / 2


Row = tuple[Piece, ...]
"""The cells of one line, from the left."""


def rows_of(pieces: Iterable[Piece], gap: float) -> list[Row]:
    """Return the lines of a page from the top, each divided into cells.

    Pieces that are less than `gap` line heights apart form one cell, and so do the mark of a list
    and the item behind it.
    """
    lines: list[list[Piece]] = []
    middle = height = 0.0
    for piece in sorted(pieces, key=lambda each: (each.middle, each.left)):
        if lines and abs(piece.middle - middle) <= _SAME_ROW * min(piece.height, height):
            lines[-1].append(piece)
            middle = fmean(each.middle for each in lines[-1])
        else:
            lines.append([piece])
            middle, height = piece.middle, piece.height
    return [_cells(sorted(line, key=lambda each: each.left), gap) for line in lines]


def joined(cells: Sequence[Piece]) -> Piece:
    """Return consecutive pieces as one, with spaces between their texts."""
    return Piece(
        left=min(cell.left for cell in cells),
        top=min(cell.top for cell in cells),
        right=max(cell.right for cell in cells),
        bottom=max(cell.bottom for cell in cells),
        text=" ".join(cell.text for cell in cells),
        at=tuple(at for cell in cells for at in cell.at),
    )


def line_height(rows: Iterable[Row]) -> float:
    """Return the typical height of a line of these rows."""
    return median(cell.height for row in rows for cell in row)


def _cells(line: Sequence[Piece], gap: float) -> Row:
    room = gap * median(piece.height for piece in line)
    cells: list[list[Piece]] = [[line[0]]]
    for piece in line[1:]:
        beside = piece.left - max(last.right for last in cells[-1]) < room
        marked = len(cells) == 1 and MARKER.fullmatch(" ".join(last.text for last in cells[0]))
        if beside or marked:
            cells[-1].append(piece)
        else:
            cells.append([piece])
    return tuple(joined(cell) if len(cell) > 1 else cell[0] for cell in cells)

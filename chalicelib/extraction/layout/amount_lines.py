"""Lines of a document that end with a number, as those of a receipt do, and the texts around them.

Their numbers end at one edge of the page, or where a page has no boxes, at the ends of its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number

if TYPE_CHECKING:
    from chalicelib.extraction.layout.lines import LayoutLine, LineCell, PageLines

_EDGE = 0.8
"""Line heights by which the ends of numbers may be apart."""
MAX_LINES = 1_000
"""Lines of a document that are looked at: a longer one has tables."""
_MAX_NUMBER, _MAX_EDGES = 24, 4
_TAIL = re.compile(r"(?<=\s)\S+$")


@dataclass(frozen=True, slots=True)
class AmountLine:
    """A line of a page, with the number that it ends with, if it does.

    Attributes:
        page: The number of the page.
        cells: Its cells but for the number.
        amount: The cell with the number, None of a line of text.
        top: Where it begins, in points, or in lines without boxes; and `bottom`.
        height: Of its letters.
    """

    page: int
    cells: tuple[LineCell, ...]
    amount: LineCell | None
    top: float
    bottom: float
    height: float

    @property
    def letters(self) -> int:
        """Return the letters of what stands before the number."""
        return sum(sum(map(str.isalpha, cell.text)) for cell in self.cells)


def amount_lines(pages: Iterable[PageLines]) -> list[list[AmountLine]]:
    """Return the lines of a document once for each edge at which three or more numbers end.

    Each has all lines, of which those whose number ends elsewhere have none.
    """
    lines: list[tuple[LayoutLine, bool]] = []
    for read in pages:
        lines += [(line, read.has_boxes) for line in read.lines]
        if len(lines) > MAX_LINES:
            return []
    endings = [_ending(line, has_boxes) for line, has_boxes in lines]
    return [
        [
            _amount_line(line, cell if cell is not None and _ends_at(cell, edge) else None)
            for (line, _), cell in zip(lines, endings, strict=True)
        ]
        for edge in _edges(endings, [has_boxes for _, has_boxes in lines])
    ]


def _ending(line: LayoutLine, has_boxes: bool) -> LineCell | None:
    """Return the last cell of a line if it is a number, or the number that a text ends with."""
    last = line.cells[-1]
    if len(last.text) <= _MAX_NUMBER and is_number(last.text):
        return last
    tail = _TAIL.search(last.text)
    if has_boxes or tail is None or not is_number(tail.group()):
        return None
    span = last.span._replace(start=last.span.end - len(tail.group()))
    return replace(last, text=tail.group(), span=span)


def _edges(endings: Sequence[LineCell | None], boxed: Sequence[bool]) -> Iterator[float | None]:
    """Yield the edges at which numbers end, the commonest first; None for any of a text."""
    numbers = [cell for cell in endings if cell is not None]
    if not any(boxed):
        if numbers:
            yield None
        return
    groups: list[list[float]] = []
    tolerance = _EDGE * max((cell.height for cell in numbers), default=0.0)
    for right in sorted(cell.place[2] for cell in numbers):
        if groups and right - groups[-1][0] <= tolerance:
            groups[-1].append(right)
        else:
            groups.append([right])
    for group in sorted(groups, key=lambda each: -len(each))[:_MAX_EDGES]:
        if len(group) > 1:
            yield sum(group) / len(group)


def _ends_at(cell: LineCell, edge: float | None) -> bool:
    return edge is None or abs(cell.place[2] - edge) <= _EDGE * cell.height


def _amount_line(line: LayoutLine, amount: LineCell | None) -> AmountLine:
    _, top, _, bottom = line.place
    height = max(0.1, max(cell.height for cell in line.cells))
    cells = line.cells
    if amount is not None:
        last = cells[-1]
        rest = replace(
            last,
            text=last.text[: amount.span.start - last.span.start].rstrip(),
            span=last.span._replace(end=amount.span.start),
        )
        cells = (*cells[:-1], rest) if rest.text else cells[:-1]
        if rest.text:
            end = rest.span.start + len(rest.text)
            cells = (*cells[:-1], replace(rest, span=rest.span._replace(end=end)))
    return AmountLine(line.page, cells, amount, top, bottom, height)

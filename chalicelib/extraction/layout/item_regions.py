"""Texts that may list several values: what a label or a heading has beside or below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.documents.boxes import MARKER
from chalicelib.extraction.document import Span
from chalicelib.extraction.layout.labels import plain_label

if TYPE_CHECKING:
    from chalicelib.extraction.layout.lines import LayoutLine, LineCell, PageLines

MAX_LABEL = 80
"""Characters of a label."""
MAX_ITEMS = 5_000
"""Lines of one region, at most."""
MAX_LINES = 50_000
"""Lines of all regions of a page: each of 300 lines may be the label of all that are below it."""
_NEAR, _WIDER = 2.5, 1.6
"""Line heights from a label to what it lists; times the first distance of two lines of a list."""
_BLANK = 2.0
"""Line heights of an empty line and what is around it."""
_ONE = 0.9
"""Line heights that lines of one list may be apart in any case."""
_FLUSH, _INDENT = 1.0, 4.0
"""Line heights by which lines of a list begin apart, and by which texts that go on are indented."""
_SIGNS = (",", ";", "|", "\u2022", "\u00b7", "\u3001", "\u060c")
"""Signs that part values: a line that has them goes on with one that has, too."""
_SIGN_WIDTH, _WIDE = 2.5, 2.0
"""Line heights that a sign and the space behind it have, and a space within a text, at most."""
_LABEL = re.compile(r"^([^:\uff1a]{2,80})[:\uff1a]\s+(?=\S)")
_BULLET = re.compile(rf"(?:{MARKER.pattern})\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class ItemLine:
    """A line of a region: its text without its mark, and the line's `mark`, "" if it has none."""

    text: str
    span: Span
    mark: str = ""


@dataclass(frozen=True, slots=True)
class ItemRegion:
    """The lines beside or below a label that may be the elements of an array.

    Attributes:
        title: The label.
        lines: What it has, line by line.
        at_end: Whether it ends with the last line of its page.
        is_running: Whether its lines are one text that goes on.
        is_open: Whether the line behind it may be one of it.
    """

    title: str
    lines: tuple[ItemLine, ...]
    at_end: bool = False
    is_running: bool = False
    is_open: bool = False


def item_regions(read: PageLines) -> Iterator[ItemRegion]:
    """Yield the regions of a page; a line may be in several, up to `MAX_LINES` of all together."""
    left = MAX_LINES
    for region in _regions(read):
        yield region
        left -= len(region.lines)
        if left < 0:
            return


def opening_region(read: PageLines) -> ItemRegion | None:
    """Return the lines that a page begins with, as a region without a label; None without any."""
    if not read.lines or len(read.lines[0].cells) != 1:
        return None
    first = read.lines[0].cells[0]
    return _region("", [first, *_run(read, 0, first)], read.lines[-1].cells[-1])


def _regions(read: PageLines) -> Iterator[ItemRegion]:
    last = read.lines[-1].cells[-1] if read.lines else None
    for at, line in enumerate(read.lines):
        for n, cell in enumerate(line.cells):
            found = _LABEL.match(cell.text)
            if found:
                value = _with_barred(read, _after(cell, found.end()), line.cells[n + 1 :])
                run = [value, *_continued(read, at, cell, value)]
                yield replace(_region(found[1], run, last), is_running=True)
            elif n + 1 < len(line.cells) and plain_label(cell.text):
                run = _column(read, at, n + 1)
                yield _region(cell.text, run, last)
        if len(line.cells) == 1 and _is_title(line.cells[0].text):
            run = _below(read, at)
            if run:
                region = _region(line.cells[0].text, run, last)
                yield replace(region, is_open=region.is_open or _is_open(read, run[-1]))


def _region(title: str, run: Sequence[LineCell], last: LineCell | None) -> ItemRegion:
    lines = tuple(map(_item_line, run[:MAX_ITEMS]))
    at_end = bool(run) and run[-1] is last
    return ItemRegion(plain_label(title), lines, at_end, is_open=len(run) > MAX_ITEMS)


def _is_title(text: str) -> bool:
    """Return whether a line may be the label of those below: no item, and no label with a value."""
    return bool(plain_label(text)) and not _BULLET.match(text) and not _LABEL.match(text)


def _is_open(read: PageLines, last: LineCell) -> bool:
    """Return whether the line behind a list may be one of it: it has a mark, too, or is near."""
    lines = (line for line in read.lines if line.cells[0].place[1] > last.place[1])
    below = next((line.cells[0] for line in lines), None)
    if below is None:
        return False
    gap = _gap(read, last, below)
    if _BULLET.match(last.text):
        return gap <= _NEAR and _BULLET.match(below.text) is not None
    return last.box is None and gap < _BLANK


def _single(read: PageLines, line: LayoutLine) -> LineCell | None:
    """Return the text of a line if it is one; that of an item may have wide spaces in it."""
    first, *others = line.cells
    if not others or not _BULLET.match(first.text):
        return None if others else first
    last = others[-1].span
    text = read.page.text[first.span.start : last.end]
    if "\n" in text or "|" in text:
        return None
    return replace(first, text=text, span=first.span._replace(end=last.end))


def _item_line(cell: LineCell) -> ItemLine:
    found = _BULLET.match(cell.text)
    if found is None:
        return ItemLine(cell.text, cell.span)
    cut = _after(cell, found.end())
    return ItemLine(cut.text, cut.span, found.group().strip())


def _after(cell: LineCell, skipped: int) -> LineCell:
    span = cell.span._replace(start=cell.span.start + skipped)
    return replace(cell, text=cell.text[skipped:], span=span)


def _continued(read: PageLines, at: int, label: LineCell, value: LineCell) -> Iterator[LineCell]:
    """Yield the lines below a label and its value that go on with the value."""
    above, text = label, value.text
    for line in islice(read.lines, at + 1, at + 1 + MAX_ITEMS):
        begins = (_is_flush(each, label) or _is_led(read, each, label) for each in line.cells)
        first = next((n for n, is_first in enumerate(begins) if is_first), -1)
        cell = line.cells[first] if first >= 0 else None
        if cell is None or _gap(read, above, cell) > _ONE or _LABEL.match(cell.text):
            return
        cell = _with_sign_before(read, _with_barred(read, cell, line.cells[first + 1 :]))
        ends = text.endswith(_SIGNS) or cell.text.startswith(_SIGNS)
        if not ends and not any(sign in text and sign in cell.text for sign in _SIGNS):
            return
        yield cell
        above, text = cell, cell.text


def _with_barred(read: PageLines, cell: LineCell, others: Sequence[LineCell]) -> LineCell:
    """Return a cell with those behind it that a bar parts from it: they are values of one text.

    Where it has signs already, a somewhat wide space is within one of its values.
    """
    text = read.page.text
    end, right = cell.span.end, cell.place[2]
    for other in others:
        between = text[end : other.span.start]
        if other.table >= 0 or "\n" in between or between.strip() not in ("", "|"):
            break
        near = other.place[0] - right <= _WIDE * cell.height
        signed = any(sign in text[cell.span.start : end] for sign in _SIGNS)
        if not between.strip() and not (near and signed):
            break
        end, right = other.span.end, other.place[2]
    last = text.find("\n", end)
    tail = text[end : last if last >= 0 else len(text)].rstrip()
    if tail.strip() in _SIGNS:
        end += len(tail)
    return replace(cell, text=text[cell.span.start : end], span=cell.span._replace(end=end))


def _is_led(read: PageLines, cell: LineCell, label: LineCell) -> bool:
    """Return whether a sign, which has no box, stands before a cell and below a label."""
    right = (cell.place[0] - label.place[0]) / cell.height
    return 0 <= right <= _SIGN_WIDTH and _with_sign_before(read, cell) is not cell


def _with_sign_before(read: PageLines, cell: LineCell) -> LineCell:
    """Return a cell with the sign that stands before it at the beginning of its line."""
    text = read.page.text
    start = text.rfind("\n", 0, cell.span.start) + 1
    if text[start : cell.span.start].strip() not in _SIGNS:
        return cell
    span = cell.span._replace(start=start)
    return replace(cell, text=text[start : span.end], span=span)


def _column(read: PageLines, at: int, n: int) -> list[LineCell]:
    """Return the cell beside a label, and those below it whose lines have no label of their own."""
    first = read.lines[at].cells[n]
    run = [first]
    for line in islice(read.lines, at + 1, at + 1 + MAX_ITEMS):
        beside = [each for each in line.cells if _is_flush(each, first)]
        labelled = any(each.place[2] <= first.place[0] for each in line.cells)
        near = bool(beside) and _gap(read, run[-1], beside[0]) <= _NEAR
        if not beside or labelled or not near:
            break
        run.append(beside[0])
    return run


def _below(read: PageLines, at: int) -> list[LineCell]:
    """Return the lines of one cell each below a label."""
    label = read.lines[at].cells[0]
    first = _single(read, read.lines[at + 1]) if at + 1 < len(read.lines) else None
    if first is None:
        return []
    gap = _gap(read, label, first)
    is_marked = _BULLET.match(first.text) is not None
    if gap > _NEAR or (gap == _BLANK and not is_marked) or _LABEL.match(first.text):
        return []
    return [first, *_run(read, at + 1, first)]


def _run(read: PageLines, at: int, first: LineCell) -> Iterator[LineCell]:
    """Yield the lines below one that begin where it does, as near to each other."""
    above, step = first, 0.0
    for line in islice(read.lines, at + 1, at + 1 + MAX_ITEMS):
        cell = _single(read, line)
        if cell is None:
            return
        gap = _gap(read, above, cell)
        right = (cell.place[0] - first.place[0]) / cell.height
        inside = -_FLUSH <= right <= _INDENT
        near = gap <= (max(_WIDER * step, _ONE) if step else _first_gap(first, cell))
        if not inside or not near or _LABEL.match(cell.text):
            return
        step = step or max(gap, 0.1)
        yield cell
        above = cell


def _first_gap(one: LineCell, other: LineCell) -> float:
    """Return how far the second line of a list is from the first at most: marks tell it surely."""
    marked = _BULLET.match(one.text) and _BULLET.match(other.text)
    return _NEAR if marked else _BLANK - _ONE


def _gap(read: PageLines, above: LineCell, below: LineCell) -> float:
    """Return the line heights between two cells; without boxes an empty line counts two."""
    if above.box is None and "\n\n" in read.page.text[above.span.end : below.span.start]:
        return _BLANK
    return (below.place[1] - above.place[3]) / max(above.height, below.height)


def _is_flush(cell: LineCell, other: LineCell) -> bool:
    return abs(cell.place[0] - other.place[0]) <= _FLUSH * cell.height

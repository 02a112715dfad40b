"""Labels of a value: the texts beside, above and below it, and before it in its cell."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, NamedTuple

from chalicelib.extraction.document import Span
from chalicelib.extraction.layout.tables import RowKind

if TYPE_CHECKING:
    from chalicelib.extraction.layout.lines import LineCell, PageLines
    from chalicelib.extraction.layout.tables import LayoutTable, TableRow

Relation = Literal["left", "above", "below", "same_cell", "behind", "column", "row", "heading"]
"""Place of a label: `left` is before the value in the direction of writing, `behind` after it."""

MAX_LABELS = 8
MAX_TEXT = 120
"""Characters of a label; of a longer text, those that are nearest to the value."""
_SEEN = 4 * MAX_TEXT
"""Characters before and behind a value that are looked at for a label in its cell."""
_LETTERS = 400
"""Characters of a line that tell the direction in which it is written."""
_MAX_BESIDE, _MAX_BEHIND, _MAX_ABOVE = 2, 1, 2
_FAR_ABOVE, _FAR_BELOW = 6.0, 1.5
"""Line heights between a value and a label above or below it, at most."""
_LEADERS = re.compile(r"(?:[.…·_]\s?){3,}\s*$|[\s:：=]+$")  # noqa: RUF001 - the colon of CJK
_LEADING = re.compile(r"[^\w(]*\(?\s*")
_CLAUSE_END = re.compile(r"[,;|)\u060c]|[.!?\u061f]\s")
_AFTER_CLAUSE = re.compile(r".*(?:[;|,\u2022\u060c]\s|[)])", re.DOTALL)
_AFTER_SENTENCE = re.compile(r".*[.!?;。؟]\s+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LabelContext:
    """A text that may name a value; `gap` is how far from it, in line heights."""

    text: str
    span: Span
    relation: Relation
    gap: float


def labels_beside(read: PageLines, span: Span) -> list[LabelContext]:
    """Return the labels of the value at `span` that its page shows, but for those of tables."""
    located = _located(read, span)
    if located is None:
        return []
    at, cell = located
    found = [*_in_cell(cell, span), *_on_line(read.lines[at].cells, cell)]
    found += _above(read, at, cell)
    found += _below(read, at, cell)
    return found


def heading_of(read: PageLines, span: Span) -> LabelContext | None:
    """Return the heading that a value stands under."""
    page = read.page
    above = [heading for heading in page.headings if heading[0] <= span.start and heading[1]]
    if not above:
        return None
    offset, title = above[-1]
    lines = page.text.count("\n", offset, span.start)
    return LabelContext(title, Span(page.number, offset, offset), "heading", float(lines))


def nearest(labels: Sequence[LabelContext]) -> tuple[LabelContext, ...]:
    """Return the labels to look at, the nearest first: one of each relation before a second."""
    ranks: dict[str, int] = {}
    ranked: list[tuple[int, LabelContext]] = []
    for label in sorted(labels, key=lambda each: each.gap):
        rank = ranks.get(label.relation, 0)
        ranks[label.relation] = rank + 1
        ranked.append((rank, label))
    chosen = sorted(ranked, key=lambda each: (each[0], each[1].gap))[:MAX_LABELS]
    return tuple(sorted((label for _, label in chosen), key=lambda each: each.gap))


def _located(read: PageLines, span: Span) -> tuple[int, LineCell] | None:
    """Return the number of the line, and the cell, in which a value begins."""
    for at, line in enumerate(read.lines):
        for cell in line.cells:
            if cell.span.start <= span.start < cell.span.end:
                return at, cell
    return None


def _in_cell(cell: LineCell, span: Span) -> Iterator[LabelContext]:
    place = span.start - cell.span.start
    before = _behind_last(_AFTER_SENTENCE, cell.text[max(0, place - _SEEN) : place])
    last = _behind_last(_AFTER_CLAUSE, before)
    before = last if any(map(str.isalpha, last)) else before
    text = plain_label(before)
    if text:
        end = span.start - len(before) + len(before.rstrip())
        yield LabelContext(
            text, Span(span.page, max(cell.span.start, end - len(text)), end), "same_cell", 0.0
        )
    place = max(0, span.end - cell.span.start)
    behind = cell.text[place : place + _SEEN]
    start = _LEADING.match(behind)
    first = start.end() if start else 0
    clause = _CLAUSE_END.split(behind[first:], maxsplit=1)[0][:MAX_TEXT]
    if text := plain_label(clause):
        at = span.end + first
        yield LabelContext(text, Span(span.page, at, at + len(clause)), "behind", 0.0)


def _behind_last(pattern: re.Pattern[str], text: str) -> str:
    """Return what stands behind the last place that a pattern, from the beginning, reaches."""
    found = pattern.match(text)
    return text[found.end() :] if found else text


def _on_line(cells: Sequence[LineCell], cell: LineCell) -> Iterator[LabelContext]:
    at = cells.index(cell)
    before, after = cells[:at][::-1], cells[at + 1 :]
    if _is_from_right(cells):
        before, after = after, before
    beside: tuple[tuple[Sequence[LineCell], Relation], ...] = (
        (before[:_MAX_BESIDE], "left"),
        (after[:_MAX_BEHIND], "behind"),
    )
    for others, relation in beside:
        for other in others:
            apart = max(other.place[0] - cell.place[2], cell.place[0] - other.place[2], 0.0)
            yield from _label(other, relation, apart / cell.height)


def _above(read: PageLines, at: int, cell: LineCell) -> Iterator[LabelContext]:
    count = 0
    for line in reversed(read.lines[:at]):
        nearest_below = max(other.place[3] for other in line.cells)
        if (cell.place[1] - nearest_below) / cell.height > _FAR_ABOVE or count == _MAX_ABOVE:
            return
        for other in line.cells:
            if _is_over(other, cell) and other.place[3] <= cell.middle:
                apart = max(0.0, cell.place[1] - other.place[3])
                yield from _label(other, "above", apart / cell.height)
                count += 1


def _below(read: PageLines, at: int, cell: LineCell) -> Iterator[LabelContext]:
    for line in read.lines[at + 1 : at + 3]:
        for other in line.cells:
            apart = (other.place[1] - cell.place[3]) / cell.height
            if _is_over(other, cell) and apart <= _FAR_BELOW:
                yield from _label(other, "below", max(0.0, apart))
                return


def _is_over(one: LineCell, other: LineCell) -> bool:
    """Return whether two cells share a part of the page's width."""
    return one.place[0] < other.place[2] and other.place[0] < one.place[2]


def _label(cell: LineCell, relation: Relation, gap: float) -> Iterator[LabelContext]:
    text = plain_label(cell.text)
    if text:
        yield LabelContext(text, cell.span, relation, round(gap, 2))


def plain_label(text: str) -> str:
    """Return a label without the dots or the colon that lead to its value; "" without a letter."""
    short = text.strip()[-MAX_TEXT:]
    while (cut := _LEADERS.sub("", short)) != short:
        short = cut
    return short if any(map(str.isalpha, short)) else ""


def _is_from_right(cells: Sequence[LineCell]) -> bool:
    """Return whether most letters of a line are of a script that is written from the right."""
    letters = islice((letter for cell in cells for letter in cell.text), _LETTERS)
    kinds = list(map(unicodedata.bidirectional, letters))
    return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")


class TableLabels:
    """The titles of the columns and the heads of the rows that values of tables stand in."""

    def __init__(self, tables: Sequence[LayoutTable]) -> None:
        self._cells: dict[int, list[_PlacedCell]] = {}
        for table in tables:
            for row in table.rows:
                for at, cell in enumerate(row.cells):
                    for span in cell.spans if cell and row.kind is not RowKind.HEADER else ():
                        found = _PlacedCell(span.start, span.end, at, row, table)
                        self._cells.setdefault(span.page, []).append(found)
        for cells in self._cells.values():
            cells.sort(key=_START)

    def of(self, span: Span) -> Iterator[LabelContext]:
        """Yield the labels of the value at `span`, none outside of a table."""
        cells = self._cells.get(span.page, [])
        number = bisect_right(cells, span.start, key=_START) - 1
        if number < 0 or span.start >= cells[number].end:
            return
        _, _, at, row, table = cells[number]
        title = table.columns[at].title
        if title is not None and (text := plain_label(title.text)):
            yield LabelContext(text, title.spans[0], "column", 1.0)
        for other, cell in enumerate(row.cells[:at]):
            if cell is not None and (text := plain_label(cell.text)):
                yield LabelContext(text, cell.spans[0], "row", float(at - other))
                return


class _PlacedCell(NamedTuple):
    start: int
    end: int
    column: int
    row: TableRow
    table: LayoutTable


_START = attrgetter("start")

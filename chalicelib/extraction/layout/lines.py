"""The lines of a page, each divided into cells, from the boxes of its words or from its text.

A page with boxes is read as it looks; its text says where a cell of a ruled table ends that stands
close to the next. On a page without boxes, rows of tables are read by their columns, and the other
lines by the white space in them, as if each character were as wide as the next.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.documents.boxes import Piece, rows_of
from chalicelib.documents.words import Edges
from chalicelib.extraction.document import Span, around
from chalicelib.extraction.layout.gaps import LEADERS, WordGaps
from chalicelib.extraction.layout.markdown_rows import (
    MarkdownTable,
    WrittenLine,
    markdown_tables,
    written_lines,
)

if TYPE_CHECKING:
    from chalicelib.contracts.page_words import WordBox
    from chalicelib.extraction.document import DocumentPage

COLUMN_WIDTH = 1_000.0
"""The width of a column of a table that has no geometry."""
MAX_UNPLACED = 0.2
"""A page of which a larger share of the words has no boxes is read from its text."""

_BREAK = re.compile(r"\t\s*|[^\S\n]{2,}|\s*(?:[.…·_][^\S\n]?){4,}")
"""Separator of cells in a line of text: a tabulator, two spaces, or dots."""
_TOKEN = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class LineCell:
    """Text that stands together on a line.

    `box` is its box on the page, None without geometry. `place` is the box, or else where the text
    would be if its characters were 1 wide and its lines 1 high. `table`, `row` and `column` tell
    the Markdown cell of the page's text that it is in, -1 outside of one.
    """

    text: str
    span: Span
    place: Edges
    box: Edges | None = None
    table: int = -1
    row: int = -1
    column: int = -1

    @property
    def height(self) -> float:
        """Return the height of the cell."""
        return self.place[3] - self.place[1]

    @property
    def middle(self) -> float:
        """Return the vertical position of the cell's middle."""
        return (self.place[1] + self.place[3]) / 2


@dataclass(frozen=True, slots=True)
class LayoutLine:
    """The cells of a line from the left; `table` and `row` as those of its cells, if one."""

    page: int
    cells: tuple[LineCell, ...]

    @property
    def place(self) -> Edges:
        """Return the box around the cells."""
        place = self.cells[0].place
        for cell in self.cells[1:]:
            place = around(place, cell.place)
        return place

    @property
    def text(self) -> str:
        """Return the texts of the cells with spaces between them."""
        return " ".join(cell.text for cell in self.cells)


@dataclass(frozen=True, slots=True)
class PageLines:
    """The lines of a page from the top.

    `tables` are those that the page's text has as Markdown. `unplaced` are words of the text that
    stand in no line, because they have no known place.
    """

    page: DocumentPage
    lines: tuple[LayoutLine, ...]
    tables: tuple[MarkdownTable, ...] = ()
    unplaced: tuple[Span, ...] = ()

    @property
    def has_boxes(self) -> bool:
        """Return whether the lines were read from boxes."""
        return bool(self.lines) and self.lines[0].cells[0].box is not None


def page_lines(page: DocumentPage) -> PageLines:
    """Return the lines of a page."""
    tables = markdown_tables(page.text, page.start)
    written = list(written_lines(page.text, tables, page.start))
    placed = [word for word in page.placed if word.start >= page.start]
    if placed:
        unplaced = _unplaced(page, placed, written)
        if len(unplaced) <= MAX_UNPLACED * len(placed):
            lines = tuple(_placed_lines(page, placed, tables, written))
            return PageLines(page, lines, tuple(tables), tuple(unplaced))
    return PageLines(page, tuple(_written_lines(page, tables, written)), tuple(tables))


def _unplaced(
    page: DocumentPage, placed: Sequence[WordBox], written: Sequence[WrittenLine]
) -> list[Span]:
    """Return the words with a letter or digit that have no box.

    A line that stands once more on the page is left out: the header of a table is repeated in the
    text, and its words are placed once.
    """
    counts = Counter(page.text[line.start : line.end] for line in written)
    starts = [word.start for word in placed]
    found: list[Span] = []
    for line in written:
        if counts[page.text[line.start : line.end]] > 1:
            continue
        for token in _TOKEN.finditer(page.text, line.start, line.end):
            at = bisect_right(starts, token.end() - 1) - 1
            is_placed = at >= 0 and placed[at].end > token.start()
            if not is_placed and any(map(str.isalnum, token.group())):
                found.append(Span(page.number, *token.span()))
    return found


def _placed_lines(
    page: DocumentPage,
    placed: Sequence[WordBox],
    tables: Sequence[MarkdownTable],
    written: Sequence[WrittenLine],
) -> Iterator[LayoutLine]:
    """Yield the lines that words with boxes form, cells cut where the text cuts them."""
    homes = list(_homes(placed, tables, written))
    spans = _with_signs(page, placed, homes)
    pieces = [
        Piece(word.left, word.top, word.right, word.bottom, "", (at,))
        for at, word in enumerate(placed)
    ]
    gaps = WordGaps(page.text, placed, spans)
    for row in rows_of(pieces, math.inf):
        cells: list[LineCell] = []
        for members in gaps.cut(row[0].at):
            for group in _groups(page, sorted(members), spans, homes):
                span = Span(page.number, spans[group[0]][0], spans[group[-1]][1])
                boxes = [placed[at] for at in group]
                box = (
                    min(word.left for word in boxes),
                    min(word.top for word in boxes),
                    max(word.right for word in boxes),
                    max(word.bottom for word in boxes),
                )
                _, *home = homes[group[0]]
                cells.append(LineCell(page.text[span.start : span.end], span, box, box, *home))
        yield LayoutLine(page.number, tuple(sorted(cells, key=lambda cell: cell.place[0])))


Home = tuple[int, int, int, int]
"""The line of the text that a word is in, and its table, row and column there or -1."""


def _homes(
    placed: Sequence[WordBox], tables: Sequence[MarkdownTable], written: Sequence[WrittenLine]
) -> Iterator[Home]:
    at = column = 0
    for word in placed:
        while at < len(written) - 1 and written[at].end <= word.start:
            at, column = at + 1, 0
        line = written[at]
        if line.table < 0:
            yield at, -1, -1, -1
            continue
        cells = tables[line.table].rows[line.row]
        while column < len(cells) - 1 and cells[column + 1][0] <= word.start:
            column += 1
        yield at, line.table, line.row, column


def _with_signs(
    page: DocumentPage, placed: Sequence[WordBox], homes: Sequence[Home]
) -> list[tuple[int, int]]:
    """Return the range of each word, with the signs beside it that have no box of their own.

    A sign, such as that of a currency, belongs to the word of its cell that it stands before or
    behind; a mark before a word goes with that word, and so does a currency before a number.
    """
    spans = [(word.start, word.end) for word in placed]
    for at in range(len(placed) + 1):
        start = placed[at - 1].end if at else page.start
        end = placed[at].start if at < len(placed) else len(page.text)
        if end - start < 2:
            continue
        between = page.text[start:end]
        if any(map(str.isalnum, between)):
            continue
        has_left = at > 0
        for token in _TOKEN.finditer(between):
            if token.group() == "|" or _is_leader(between, token.start()):
                continue
            first, last = start + token.start(), start + token.end()
            before = has_left and _is_inline(page.text[spans[at - 1][1] : first])
            behind = at < len(placed) and _is_inline(page.text[last:end])
            if behind and (not before or _leads(page.text, placed[at - 1], token.group(), end)):
                spans[at] = (first, spans[at][1])
                break
            if before:
                spans[at - 1] = (spans[at - 1][0], last)
    return spans


def _is_leader(text: str, at: int) -> bool:
    """Return whether a sign is one of the dots that lead to a value."""
    return any(found.start() <= at < found.end() for found in LEADERS.finditer(text))


def _is_inline(text: str) -> bool:
    return "\n" not in text and " | " not in text


def _leads(text: str, before: WordBox, sign: str, at: int) -> bool:
    """Return whether a sign between two words goes with the one that begins at `at`."""
    category = unicodedata.category(sign[0])
    if category == "Sc" or sign[0] in "-+±":
        return text[at].isdigit() and not text[before.end - 1].isdigit()
    return category in ("Ps", "Pi", "So")


def _groups(
    page: DocumentPage,
    members: Sequence[int],
    spans: Sequence[tuple[int, int]],
    homes: Sequence[Home],
) -> Iterator[list[int]]:
    """Yield the words of a cell in groups that are each one piece of the text."""
    group = [members[0]]
    for at in members[1:]:
        between = page.text[spans[group[-1]][1] : spans[at][0]]
        goes_on = not between.strip() or not any(c.isalnum() or c.isspace() for c in between)
        if goes_on and homes[at][1:] == homes[group[-1]][1:]:
            group.append(at)
        else:
            yield group
            group = [at]
    yield group


def _written_lines(
    page: DocumentPage, tables: Sequence[MarkdownTable], written: Sequence[WrittenLine]
) -> Iterator[LayoutLine]:
    """Yield the lines of a text without boxes."""
    for number, line in enumerate(written):
        if line.table >= 0:
            cells = [
                LineCell(
                    page.text[start:end],
                    Span(page.number, start, end),
                    (at * COLUMN_WIDTH, number, (at + 0.9) * COLUMN_WIDTH, number + 1.0),
                    None,
                    line.table,
                    line.row,
                    at,
                )
                for at, (start, end) in enumerate(tables[line.table].rows[line.row])
                if end > start
            ]
        else:
            cells = [
                LineCell(
                    page.text[start:end],
                    Span(page.number, start, end),
                    (
                        float(start - line.start),
                        float(number),
                        float(end - line.start),
                        number + 1.0,
                    ),
                )
                for start, end in _pieces(page.text, line.start, line.end)
            ]
        if cells:
            yield LayoutLine(page.number, tuple(cells))


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a line of text that white space or dots part."""
    for found in _BREAK.finditer(text, start, end):
        if text[start : found.start()].strip():
            yield start, found.start()
        start = found.end()
    if text[start:end].strip():
        yield start, end

"""A second count of the rows of a list, from the words of the pages and not from its rows.

In the column that is filled most, each line with a number is a row; of a table without numbers,
each line. Words that stand outside of every line, and numbers of rows that are missed, tell that
something is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.document import RULE, Span

if TYPE_CHECKING:
    from chalicelib.contracts.page_words import WordBox
    from chalicelib.extraction.document import DocumentPage, SourceDocument
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.layout.tables import LayoutTable, TableCell, TableRow

_NUMBERED = 0.95
"""Share of the steps from row to row that are 1 in a column that numbers the rows."""
_ROW_DIGITS = 9
_MIN_NUMBERED = 4
_SAME_LINE = 0.3
"""Share of its height by which a word may reach into the line above."""


@dataclass(frozen=True, slots=True)
class RowCount:
    """How many rows there are by the words of the pages, and where this differs from the rows."""

    rows: int
    differences: tuple[tuple[int, str], ...]


def counted_rows(
    layout: DocumentLayout,
    table: LayoutTable,
    rows: Sequence[TableRow],
    excluded: Sequence[TableRow],
) -> RowCount:
    """Count the rows of a table a second time.

    Args:
        layout: The layout of the document.
        table: The table.
        rows: Its rows that were read as rows of the list.
        excluded: Its headers, summaries and notes.
    """
    if table.counts:
        return _counted_labels(table, rows)
    document = layout.document
    column = _count_column(rows, len(table.columns))
    if column is None:
        return RowCount(len(rows), ())
    apart = {
        (span.page, word.start)
        for row in excluded
        for span in _spans(row)
        for word in document.page(span.page).placed_in(span.start, span.end)
    }
    read = Counter(cell.spans[0].page for row in rows if (cell := row.cells[column]))
    blank = sum(row.cells[column] is None for row in rows)
    cells = [cell for row in rows if (cell := row.cells[column])]
    numbers = 2 * sum(is_number(cell.text) for cell in cells) > len(cells)
    edges = _edges(document, cells)
    differences: list[tuple[int, str]] = []
    total = blank
    title = table.columns[column].title
    for extent in table.extents:
        page = document.page(extent.page)
        if edges is not None and page.placed:
            count = _lines_within(page, edges, (extent.top, extent.bottom), apart, numbers)
        else:
            count = _written_rows(page, rows, excluded) - sum(
                row.page == page.number and row.cells[column] is None for row in rows
            )
        total += count
        if count != read[extent.page]:
            where = f" in the column “{title.text}”" if title else ""
            reason = f"{count} lines were counted{where}, and {read[extent.page]} rows were read."
            differences.append((extent.page, reason))
    differences += _missing_numbers(rows, len(table.columns))
    for number, words in groupby(table.unplaced, key=lambda span: span.page):
        reason = f"{len(list(words))} words of the table have no known place and are in no row."
        differences.append((number, reason))
    return RowCount(total, tuple(differences))


def _counted_labels(table: LayoutTable, rows: Sequence[TableRow]) -> RowCount:
    """Count the entries of labelled lines by their commonest label in the text of the pages."""
    titles = [
        at
        for at in range(len(table.columns))
        if sum(row.cells[at] is not None for row in rows) == len(rows)
    ]
    read = Counter(row.page for row in rows)
    total = sum(count for _, count in table.counts)
    differences = [
        (page, f"{count} entries were counted by their labels, and {read[page]} were read.")
        for page, count in table.counts
        if count != read[page]
    ]
    if not titles:
        reason = "No label stands in each entry, so that where one ends is not sure."
        differences.append((rows[0].page if rows else 1, reason))
    return RowCount(total, tuple(differences))


def _count_column(rows: Sequence[TableRow], width: int) -> int | None:
    """Return the column in which most rows have one piece of text, numbers before words."""
    scores = [
        (
            sum(1 for row in rows if (cell := row.cells[at]) and len(cell.spans) == 1),
            sum(1 for row in rows if (cell := row.cells[at]) and is_number(cell.text)),
            at,
        )
        for at in range(width)
    ]
    return max(scores)[2] if rows and scores and max(scores)[0] else None


def _edges(document: SourceDocument, cells: Sequence[TableCell]) -> tuple[float, float] | None:
    """Return where the cells of a column begin and end, None without boxes."""
    boxes = [box for cell in cells for span in cell.spans for box in document.boxes(span)]
    if not boxes:
        return None
    return min(box[0] for box in boxes), max(box[2] for box in boxes)


def _lines_within(
    page: DocumentPage,
    edges: tuple[float, float],
    extent: tuple[float, float],
    apart: set[tuple[int, int]],
    numbers: bool,
) -> int:
    """Return the lines of words in a part of a page, without those that stand in no row."""
    words = sorted(
        (
            word
            for word in page.placed
            if edges[0] <= (word.left + word.right) / 2 <= edges[1]
            and extent[0] <= (word.top + word.bottom) / 2 <= extent[1]
        ),
        key=lambda word: word.top,
    )
    lines: list[list[WordBox]] = []
    for word in words:
        height = word.bottom - word.top
        if lines and word.top < max(w.bottom for w in lines[-1]) - _SAME_LINE * height:
            lines[-1].append(word)
        else:
            lines.append([word])
    count = 0
    for line in lines:
        ordered = sorted(line, key=lambda word: word.left)
        text = " ".join(page.text[word.start : word.end] for word in ordered)
        known = any((page.number, word.start) in apart for word in line)
        count += not known and (is_number(text) or not numbers)
    return count


def _spans(row: TableRow) -> Iterator[Span]:
    for cell in (*row.cells, *row.across):
        if cell is not None:
            yield from cell.spans


def _written_rows(
    page: DocumentPage, rows: Sequence[TableRow], excluded: Sequence[TableRow]
) -> int:
    """Return the rows of Markdown between the first and the last row, without those apart."""
    # Of a row whose columns are written in groups, the first group is counted.
    own = [[span for span in _spans(row) if span.page == page.number] for row in rows]
    inside = [min(spans) for spans in own if spans]
    if not inside:
        return 0
    first, last = min(inside), max(inside)
    start = page.text.rfind("\n", 0, first.start) + 1
    end = page.text.find("\n", last.end)
    lines = page.text[start : end if end >= 0 else len(page.text)].split("\n")
    others = {
        span.start for row in excluded for span in list(_spans(row))[:1] if span.page == page.number
    }
    count, at = 0, start
    for line in lines:
        is_row = line.startswith("| ") and not RULE.fullmatch(line)
        known = any(at <= offset < at + len(line) for offset in others) if others else False
        count += is_row and not known
        at += len(line) + 1
    return count


def row_number(text: str) -> int | None:
    """Return the number that a text counts a row by, such as `12.`; None if it is another text."""
    digits = text.rstrip(".)")
    return int(digits) if len(digits) <= _ROW_DIGITS and digits.isdecimal() else None


def _missing_numbers(rows: Sequence[TableRow], width: int) -> Iterator[tuple[int, str]]:
    """Yield the gaps in a column that numbers the rows."""
    for at in range(width):
        numbered = [
            (number, row.page)
            for row in rows
            if (cell := row.cells[at]) and (number := row_number(cell.text)) is not None
        ]
        steps = [(one, other, page) for (one, _), (other, page) in pairwise(numbered)]
        even = sum(other - one == 1 for one, other, _ in steps)
        if len(numbered) >= _MIN_NUMBERED and even >= _NUMBERED * (len(rows) - 1):
            for one, other, page in steps:
                if other - one > 1:
                    yield page, f"The rows between number {one} and {other} are missing."
            return

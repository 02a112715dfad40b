"""The tables in a page's text, which ingest writes as rows of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.extraction.document import RULE

_LINE = re.compile(r"[^\n]+")
_EDGE, _BETWEEN = "| ", " | "

Range = tuple[int, int]
"""The first character of a text and the one behind the last."""


@dataclass(frozen=True, slots=True)
class MarkdownTable:
    """A table between two offsets of a text: the ranges of the cells of its rows.

    The first row is the header. An empty cell has an empty range.
    """

    start: int
    end: int
    rows: tuple[tuple[Range, ...], ...]


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line of a text; `table` and `row` number the Markdown row that it is, else they are -1."""

    start: int
    end: int
    table: int = -1
    row: int = -1


def markdown_tables(text: str, start: int = 0) -> list[MarkdownTable]:
    """Return the tables of a text from the offset `start`."""
    tables: list[MarkdownTable] = []
    rows: list[tuple[Range, ...]] = []
    before: Range | None = None
    first = end = 0
    for line in _LINE.finditer(text, start):
        is_row = _is_row(line.group())
        if RULE.fullmatch(line.group()) and before and not rows:
            first, rows = before[0], [cell_ranges(text, *before)]
        elif rows and is_row and line.start() == end + 1:
            rows.append(cell_ranges(text, *line.span()))
        else:
            if rows:
                tables.append(MarkdownTable(first, end, tuple(rows)))
                rows = []
            before = line.span() if is_row else None
        end = line.end()
    return [*tables, MarkdownTable(first, end, tuple(rows))] if rows else tables


def written_lines(text: str, tables: list[MarkdownTable], start: int = 0) -> Iterator[WrittenLine]:
    """Yield the lines of a text from `start` that are not blank, without the rules of tables."""
    number, row = 0, 0
    for line in _LINE.finditer(text, start):
        while number < len(tables) and tables[number].end < line.end():
            number, row = number + 1, 0
        if number == len(tables) or line.start() < tables[number].start:
            if line.group().strip():
                yield WrittenLine(*line.span())
        elif not (row == 1 and RULE.fullmatch(line.group())) or _has_row(tables[number], line):
            yield WrittenLine(*line.span(), number, row)
            row += 1


def cell_ranges(text: str, start: int, end: int) -> tuple[Range, ...]:
    """Return the ranges of the cells of a row that is written between two offsets."""
    ranges: list[Range] = []
    at, last = start + len(_EDGE), end - len(_EDGE)
    while True:
        bar = text.find(_BETWEEN, at, end)
        if bar < 0 or bar >= last:
            return (*ranges, (at, max(at, last)))
        ranges.append((at, bar))
        at = bar + len(_BETWEEN)


def _has_row(table: MarkdownTable, line: re.Match[str]) -> bool:
    return len(table.rows) > 1 and table.rows[1][0][0] == line.start() + len(_EDGE)


def _is_row(line: str) -> bool:
    return line.startswith(_EDGE) and line.endswith(_EDGE[::-1]) and len(line) > len(_EDGE)

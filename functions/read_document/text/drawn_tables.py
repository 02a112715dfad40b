"""Tables drawn with characters: the grid and the simple tables of reStructuredText.

https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html#tables
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

_GRID_BORDER = re.compile(r"\+(?:[-=]+\+)+")
_SIMPLE_BORDER = re.compile(r"=+(?: +=+)+")
_SPAN_RULE = re.compile(r"-[- ]*")
MAX_TABLE_LINES = 20_000


@dataclass(frozen=True, slots=True)
class DrawnTable:
    """The rows of a table, its header if one is marked, and the index of the line behind it."""

    header: list[str] | None
    rows: list[list[str]]
    behind: int


def drawn_table(lines: Sequence[str], at: int) -> DrawnTable | None:
    """Return the table that begins with line `at`, None if none does or its form is irregular."""
    first = lines[at].strip()
    if _GRID_BORDER.fullmatch(first):
        return _grid_table(lines, at)
    if _SIMPLE_BORDER.fullmatch(first):
        return _simple_table(lines, at)
    return None


def _grid_table(lines: Sequence[str], at: int) -> DrawnTable | None:
    left = len(lines[at]) - len(lines[at].lstrip())
    behind = at
    while behind < len(lines) and lines[behind].strip()[:1] in {"+", "|"}:
        behind += 1
    drawn = [line[left:].rstrip() for line in lines[at:behind]]
    borders = [place for place, line in enumerate(drawn) if _GRID_BORDER.fullmatch(line)]
    columns = sorted({i for place in borders for i, mark in enumerate(drawn[place]) if mark == "+"})
    if len(borders) < 2 or borders[-1] != len(drawn) - 1:
        return None
    rows: list[list[str]] = []
    header: list[str] | None = None
    for above, below in itertools.pairwise(borders):
        band = drawn[above + 1 : below]
        if any(line[:1] != "|" or "+-" in line for line in band):
            return None
        if band:
            rows.append(_grid_row(band, columns))
        if "=" in drawn[below] and header is None and rows:
            header = [" ".join(filter(None, cells)) for cells in zip(*rows, strict=True)]
            rows = []
    return DrawnTable(header, rows, behind) if rows or header else None


def _grid_row(band: Sequence[str], columns: Sequence[int]) -> list[str]:
    """Return the cells of a row of several lines; a spanning cell is in its first column."""
    cells: list[list[str]] = [[] for _ in columns[:-1]]
    for line in band:
        start = 0
        for place in range(1, len(columns)):
            end = columns[place]
            if place + 1 < len(columns) and line[end : end + 1] != "|":
                continue
            cells[start].append(line[columns[start] + 1 : end].strip())
            start = place
    return [" ".join(filter(None, cell)) for cell in cells]


def _simple_table(lines: Sequence[str], at: int) -> DrawnTable | None:
    columns = [match.span() for match in re.finditer("=+", lines[at])]
    sections: list[list[list[str]]] = [[]]
    for behind in range(at + 1, min(len(lines), at + MAX_TABLE_LINES)):
        line = lines[behind].rstrip()
        if _SIMPLE_BORDER.fullmatch(line.strip()):
            ends = behind + 1 == len(lines) or not lines[behind + 1].strip()
            if ends:
                *above, body = sections
                header = [" ".join(filter(None, cells)) for cells in zip(*above[0], strict=True)]
                if above and body:
                    return DrawnTable(header, body, behind + 1)
                rows = body or above[0]
                return DrawnTable(None, rows, behind + 1) if rows else None
            sections.append([])
        elif line.strip() and not _SPAN_RULE.fullmatch(line.strip()):
            _add_simple_row(sections[-1], line, columns)
        if len(sections) > 2:
            return None
    return None


def _add_simple_row(rows: list[list[str]], line: str, columns: Sequence[tuple[int, int]]) -> None:
    """Add a line: a row of its own, or the continuation of one if its first cell is empty."""
    ends = [start for start, _ in columns[1:]] + [max(len(line), columns[-1][1])]
    cells = [line[start:end].strip() for (start, _), end in zip(columns, ends, strict=True)]
    if rows and not cells[0]:
        rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells, strict=True)]
    else:
        rows.append(cells)

"""Tables as text: rows of Markdown, cut so that each passage of a table shows its header.

https://github.github.com/gfm/#tables-extension-
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chalicelib.documents.pages import Block

Row = Sequence[str]

PASSAGE_TOKENS = 200
"""About the most tokens of a block of a table, of the 256 that a passage may have."""
HEADER_TOKENS = 80
"""A header with more tokens is divided into groups of columns."""

MAX_NAME = 80
"""Characters of a name in a table of names and values; a longer one is text in bold."""

_TOKEN = re.compile(r"[A-Za-z]{1,5}|[0-9]{1,3}|[^\sA-Za-z0-9]")
_RULE_COST = 2


def table_blocks(
    rows: Iterable[Row], header: Row | None = None, *, names_first: bool = False
) -> list[Block]:
    """Return a table as blocks that each fit into a passage, open one and repeat the header.

    Without `header` the first row is it, unless each row is a name and a value: those are lines,
    such as `Maker: Voss`. A name ends with a colon, or `names_first` says that the file shows the
    first column as names. Empty rows and columns are left out; in a cell, `|` is escaped and white
    space of any kind and length is one space. A table that is too wide for a passage is divided
    into groups of columns, each of which begins with the first column, so that each row can be
    identified. The size of the result grows with the number of filled cells, however far apart they
    are.
    """
    body = [cells for row in rows if (cells := _cells(row))]
    if header is None and names_first and len(body) > 1 and _are_distinct_names(body):
        body = [[f"{name.rstrip(':')}:", value] for name, value in body]
    if header is None and body and all(map(_is_named_value, body)):
        return [Block("\n".join(f"{name} {value}" for name, value in body), opens=True)]
    titles = _cells(header) if header is not None else body.pop(0) if body else []
    titles, *body = _without_empty_columns([titles, *body])
    width = max(len(titles), *map(len, body), 0) if body else len(titles)
    if not width:
        return []
    if width == 1 and not body:
        return [Block(titles[0])]
    titles += [""] * (width - len(titles))
    table = [_Line(row, [_cost(text) for text in row]) for row in body]
    blocks: list[Block] = []
    for columns in _groups(titles, table):
        first = columns[1] if columns[0] == 0 and len(columns) > 1 and blocks else columns[0]
        table = [line for line in table if len(line.cells) > first]
        blocks += [_block(titles, batch, columns) for batch in _batches(columns, titles, table)]
    return blocks


@dataclass(frozen=True, slots=True)
class _Line:
    """The cells of a row up to the last filled one, and the tokens of each."""

    cells: list[str]
    costs: list[int]


def _is_named_value(cells: Row) -> bool:
    return len(cells) == 2 and len(cells[0]) > 1 and cells[0][-1] == ":" and cells[1] != ""


def _are_distinct_names(rows: Sequence[Row]) -> bool:
    names = {cells[0] for cells in rows if len(cells) == 2 and 0 < len(cells[0]) <= MAX_NAME}
    return len(names) == len(rows)


def _cells(row: Row) -> list[str]:
    cells = [" ".join(text.split()).replace("|", "\\|") for text in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _without_empty_columns(rows: list[list[str]]) -> list[list[str]]:
    width = max(map(len, rows))
    used = sorted({at for row in rows for at, cell in enumerate(row) if cell})
    if len(used) == width:
        return rows
    return [[row[at] for at in used[: bisect_left(used, len(row))]] for row in rows]


def _block(titles: Row, body: Iterable[_Line], columns: Sequence[int]) -> Block:
    lines = [_shown([titles[at] for at in columns]), _shown(["-"] * len(columns))]
    for line in body:
        cells = line.cells
        lines.append(_shown([cells[at] if at < len(cells) else "" for at in columns]))
    return Block("\n".join(lines), opens=True)


def _shown(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


def _cost(text: str) -> int:
    """Return about how many tokens a cell takes with the bar beside it; rather too many."""
    return 1 + len(_TOKEN.findall(text))


def _groups(titles: Row, body: Sequence[_Line]) -> list[list[int]]:
    """Return the columns of each group: all of them, unless they take too many tokens."""
    sums = [0] * len(titles)
    for line in body:
        for at, cost in enumerate(line.costs):
            sums[at] += cost
    rows = max(1, len(body))
    heads = [_cost(title) + _RULE_COST for title in titles]
    groups: list[list[int]] = [[]]
    head = cost = 0
    for at, title in enumerate(heads):
        head, cost = head + title, cost + title + sums[at] // rows
        if len(groups[-1]) > 1 and (head > HEADER_TOKENS or cost > PASSAGE_TOKENS):
            groups.append([0])
            head = heads[0] + title
            cost = head + (sums[0] + sums[at]) // rows
        groups[-1].append(at)
    return groups


def _batches(
    columns: Sequence[int], titles: Row, body: Sequence[_Line]
) -> Iterator[Sequence[_Line]]:
    """Yield the rows that fit into a passage below the header, at least one at a time."""
    header = sum(_cost(titles[at]) + _RULE_COST for at in columns)
    start, spent = 0, header
    for number, line in enumerate(body):
        costs = line.costs
        cost = sum(costs[at] if at < len(costs) else 1 for at in columns)
        if number > start and spent + cost > PASSAGE_TOKENS:
            yield body[start:number]
            start, spent = number, header
        spent += cost
    if start < len(body) or any(titles[at] for at in columns[1:]) or not body:
        yield body[start:]

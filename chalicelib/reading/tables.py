"""Tables as text: rows of Markdown, cut so that each passage of a table shows its header.

https://github.github.com/gfm/#tables-extension-
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from chalicelib.reading.pages import Block

Row = Sequence[str]

PASSAGE_TOKENS = 200
"""About how many tokens a block of a table may cost, of the 256 that a passage may have."""
HEADER_TOKENS = 80
"""A header that costs more is parted into groups of columns."""

_TOKEN = re.compile(r"[A-Za-z]{1,5}|[0-9]{1,3}|[^\sA-Za-z0-9]")
_RULE_COST = 2


def table_block(rows: Iterable[Row]) -> Block:
    """Return a table, whose first row is its header, as one block, however long it gets.

    Short rows are filled up, empty ones left out. In a cell, `|` is escaped and white space of
    any kind and length is one space.
    """
    table = _filled(rows)
    return _block(table[0], table[1:]) if table else Block("")


def table_blocks(rows: Iterable[Row], header: Row | None = None) -> list[Block]:
    """Return a table in blocks that each fit a passage, open one and repeat the header row.

    Without `header` the first row is it. What is too wide for a passage is parted into groups of
    columns, each of which begins with the first column, so that a row can still be told.
    """
    table = _filled(rows if header is None else [header, *rows])
    if not table:
        return []
    if len(table) == len(table[0]) == 1:
        return [Block(table[0][0])]
    costs = [[_cost(text) for text in row] for row in table]
    return [
        _block([table[0][at] for at in columns], batch)
        for columns in _groups(costs)
        for batch in _batches(columns, table, costs)
    ]


def _filled(rows: Iterable[Row]) -> list[list[str]]:
    table = [cells for row in rows if any(cells := [_cell(text) for text in row])]
    width = max((len(row) for row in table), default=0)
    return [row + [""] * (width - len(row)) for row in table]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _block(titles: Row, body: Iterable[Row]) -> Block:
    lines = [_line(titles), _line(["-"] * len(titles)), *map(_line, body)]
    return Block("\n".join(lines), opens=True)


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


def _cost(text: str) -> int:
    """Return about how many tokens a cell costs, the bar beside it included; rather too many."""
    return 1 + len(_TOKEN.findall(text))


def _groups(costs: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the columns that stand together: all of them, unless they cost too much."""
    titles = [cost + _RULE_COST for cost in costs[0]]
    rows = max(1, len(costs) - 1)
    cells = [sum(column[1:]) // rows for column in zip(*costs, strict=True)]
    group: list[int] = []
    for at in range(len(titles)):
        wider = [*group, at]
        title_cost = sum(titles[column] for column in wider)
        cost = title_cost + sum(cells[column] for column in wider)
        if len(wider) > 2 and (title_cost > HEADER_TOKENS or cost > PASSAGE_TOKENS):
            yield group
            wider = [0, at]
        group = wider
    yield group


def _batches(
    columns: Sequence[int], table: Sequence[Row], costs: Sequence[Sequence[int]]
) -> Iterator[list[list[str]]]:
    """Yield the rows that fit a passage below the header, at least one at a time."""
    header = sum(costs[0][at] + _RULE_COST for at in columns)
    batch: list[list[str]] = []
    spent = header
    for row, cost_by_column in zip(table[1:], costs[1:], strict=True):
        cost = sum(cost_by_column[at] for at in columns)
        if batch and spent + cost > PASSAGE_TOKENS:
            yield batch
            batch, spent = [], header
        batch.append([row[at] for at in columns])
        spent += cost
    if batch or len(table) == 1:
        yield batch

"""Pages of spreadsheets, whatever their format: 500 rows per page, below the header row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from chalicelib.errors import Unsupported

ROWS_PER_PAGE = 500
MAX_FILLED_CELLS = 2_000_000
_LEAD = 20
"""The most rows of one cell above a table; more of them are a table themselves."""

Cells = dict[int, str]
"""The filled cells of a row, by column from 1."""


def check_filled(count: int) -> None:
    """Raise `Unsupported` if a workbook has more filled cells than are read."""
    if count > MAX_FILLED_CELLS:
        raise Unsupported(
            f"The workbook has more than {MAX_FILLED_CELLS:,} filled cells; split it into"
            " several, or save it as CSV.",
            field="file",
            limit=str(MAX_FILLED_CELLS),
        )


def sheet_pages(name: str, rows: Iterator[Cells]) -> Iterator[list[Block]]:
    """Yield the pages of a sheet: the text above its table, then its rows below their header.

    The header is the first row with two cells or more.
    """
    lead: list[Cells] = []
    header: Cells = {}
    for row in rows:
        if len(row) > 1:
            header = row
            break
        lead.append(row)
        if len(lead) == _LEAD:
            break
    if not header and lead:
        header, *rest = lead
        lead, rows = [], chain(rest, rows)
    if not header:
        return
    above = [Block(text) for row in lead for text in row.values()]
    batch = list(islice(rows, ROWS_PER_PAGE))
    yield [Block(name, 1), *above, *_table(header, batch)]
    while batch := list(islice(rows, ROWS_PER_PAGE)):
        yield [Block(name, 1), *_table(header, batch)]


def _table(header: Cells, rows: Sequence[Cells]) -> list[Block]:
    """Return rows as a table of the columns that are not empty."""
    columns = sorted(set(header).union(*rows))
    titles = [header.get(column, "") for column in columns]
    return table_blocks(([row.get(column, "") for column in columns] for row in rows), titles)

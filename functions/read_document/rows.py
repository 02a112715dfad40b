"""Rows of text and the pages that they make, alike in the plan of a file and in each of its parts.

A page ends after 100 rows, or with the row that fills it. Where it ends depends only on the bytes
of its rows: the plan finds the pages without making their text, and a part finds them again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chalicelib.errors import InvalidInput
from functions.read_document.lines import MAX_LINE, lines, too_long

ROWS_A_PAGE = 100
PAGE_BYTES = 64 * 1024
"""A page is full when its rows have so many bytes."""

csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells, or the one text that it is, and the bytes that it took in the file."""

    cells: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class RowPage:
    """The rows of one page: `size` bytes, with the empty lines among them; the first is `first`."""

    first: int
    rows: tuple[Row, ...]
    size: int

    @property
    def last(self) -> int:
        """Return the number of the last row."""
        return self.first + len(self.rows) - 1


@dataclass(slots=True)
class _Feed:
    """Decodes lines for `csv.reader`, and remembers how many bytes it took since the last row."""

    source: Iterator[bytes]
    encoding: str
    taken: int = 0
    rows: int = field(default=0)

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self.source)
        self.taken += len(line)
        if self.taken > MAX_LINE:
            raise too_long(f"Row {self.rows + 1:,}")
        return line.decode(self.encoding)


def table_rows(blocks: Iterable[bytes], encoding: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows of delimited text, in which quoted cells may hold line ends (RFC 4180).

    Empty lines are yielded as rows without cells, for their bytes.

    Raises:
        Unsupported: a row is too long.
        InvalidInput: a row breaks the rules so that its end cannot be told.
    """
    feed = _Feed(lines(blocks), encoding)
    reader = csv.reader(feed, delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidInput(
                f"Row {feed.rows + 1:,} cannot be read as part of a table: {error}.", field="file"
            ) from error
        size, feed.taken = feed.taken, 0
        feed.rows += 1 if cells else 0
        yield Row(tuple(cells), size)


def line_rows(blocks: Iterable[bytes], encoding: str) -> Iterator[Row]:
    """Yield lines as rows of one cell each; blank ones without cells, for their bytes."""
    for line in lines(blocks):
        text = line.decode(encoding)
        yield Row((text,) if text.strip() else (), len(line))


def row_pages(rows: Iterable[Row], first: int = 1, least: int = 0) -> Iterator[RowPage]:
    """Yield `rows` by pages, the first of which has the number `first`.

    A page has at least `least` bytes, those of a header that each page repeats: however long that
    is, the pages together stay about as long as the file.
    """
    page: list[Row] = []
    size = 0
    for row in rows:
        size += row.size
        if row.cells:
            page.append(row)
        if page and size >= least and (len(page) >= ROWS_A_PAGE or size >= PAGE_BYTES):
            yield RowPage(first, tuple(page), size)
            first += len(page)
            page, size = [], 0
    if page:
        yield RowPage(first, tuple(page), size)


def text_pages(blocks: Iterable[bytes], encoding: str) -> Iterator[RowPage]:
    """Yield plain text by pages: lines until a page is full, each page one row of text."""
    page: list[bytes] = []
    size = 0
    for line in lines(blocks, cut_at=PAGE_BYTES):
        page.append(line)
        size += len(line)
        if size >= PAGE_BYTES:
            yield _text_page(page, encoding, size)
            page, size = [], 0
    if page:
        yield _text_page(page, encoding, size)


def _text_page(page: list[bytes], encoding: str, size: int) -> RowPage:
    """Return a page of text; a line without a space may have been cut within a character."""
    text = b"".join(page).decode(encoding, errors="replace")
    return RowPage(1, (Row((text,), size),), size)

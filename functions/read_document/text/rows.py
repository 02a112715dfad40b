"""Rows of text and the pages that they form, the same in a file's plan and in its parts.

A page ends after 100 rows, or with the row that fills it. Its end depends only on the bytes of its
rows: the plan finds the pages without extracting their text, and a part finds them again.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.errors import InvalidInput, Unsupported

BLOCK = 1024 * 1024


MAX_LINE = 1024 * 1024
"""The most bytes of a line, or of a row with line ends in it."""


Blocks = Callable[[], Iterator[bytes]]
"""Returns the bytes of a file from the beginning, each time that it is called."""


def blocks_of(path: Path) -> Blocks:
    """Return a function that reads the file `path`."""

    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block

    return read


def lines(blocks: Iterable[bytes], *, cut_at: int = 0) -> Iterator[bytes]:
    """Yield the lines of `blocks` with their ends; longer ones in pieces of `cut_at` bytes.

    If `cut_at` is 0, a line of more than `MAX_LINE` bytes is too long.

    Raises:
        Unsupported: a line is too long.
    """
    number, rest = 0, b""
    max_bytes = cut_at or MAX_LINE
    for block in blocks:
        split_lines = (rest + block).splitlines(keepends=True)
        # The end of the block may continue in the next one, even a "\r" before its "\n".
        rest = split_lines.pop() if split_lines and not split_lines[-1].endswith(b"\n") else b""
        for line in split_lines:
            number += 1
            yield from _cut_line(line, number, cut_at)
        if len(rest) > max_bytes:
            *pieces, rest = _cut_line(rest, number + 1, cut_at)
            yield from pieces
    if rest:
        yield from _cut_line(rest, number + 1, cut_at)


def _cut_line(line: bytes, number: int, cut_at: int) -> Iterator[bytes]:
    if not cut_at and len(line) > MAX_LINE:
        raise too_long(f"Line {number:,}")
    while cut_at and len(line) > cut_at:
        at = _cut_position(line, cut_at)
        yield line[:at]
        line = line[at:]
    yield line


def _cut_position(line: bytes, most: int) -> int:
    """Return where to cut a line: behind a space if possible, else between two characters."""
    space = line.rfind(b" ", most // 2, most)
    if space >= 0:
        return space + 1
    for at in range(most, most - 4, -1):
        if not 0x80 <= line[at] < 0xC0:
            return at
    return most


def too_long(what: str) -> Unsupported:
    """Return the error for a line or row that is longer than `MAX_LINE`."""
    return Unsupported(
        f"{what} has more than {MAX_LINE // BLOCK} MiB, which is the limit; part it into shorter"
        " ones. An unpaired quotation mark can join rows into one.",
        field="file",
        limit=str(MAX_LINE),
    )


ROWS_A_PAGE = 100
PAGE_BYTES = 64 * 1024
"""A page is full when its rows have this many bytes."""

csv.field_size_limit(MAX_LINE)


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row: its cells, or the one text that it is, and its bytes in the file."""

    cells: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class RowPage:
    """The rows of one page, of `size` bytes with the empty lines; the first is row `first`."""

    first: int
    rows: tuple[TextRow, ...]
    size: int

    @property
    def last(self) -> int:
        """Return the number of the last row."""
        return self.first + len(self.rows) - 1


@dataclass(slots=True)
class _LineFeed:
    """Decodes lines for `csv.reader`, and counts the bytes since the last row."""

    source: Iterator[bytes]
    encoding: str
    taken: int = 0
    rows: int = field(default=0)

    def __iter__(self) -> _LineFeed:
        return self

    def __next__(self) -> str:
        line = next(self.source)
        self.taken += len(line)
        if self.taken > MAX_LINE:
            raise too_long(f"Row {self.rows + 1:,}")
        return line.decode(self.encoding)


def table_rows(blocks: Iterable[bytes], encoding: str, delimiter: str) -> Iterator[TextRow]:
    """Yield the rows of delimited text, in which quoted cells may have line ends (RFC 4180).

    Empty lines are yielded as rows without cells, for their bytes.

    Raises:
        Unsupported: a row is too long.
        InvalidInput: a row breaks the rules so that its end cannot be found.
    """
    feed = _LineFeed(lines(blocks), encoding)
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
        yield TextRow(tuple(cells), size)


def line_rows(blocks: Iterable[bytes], encoding: str) -> Iterator[TextRow]:
    """Yield lines as rows of one cell each; blank ones without cells, for their bytes."""
    for line in lines(blocks):
        text = line.decode(encoding)
        yield TextRow((text,) if text.strip() else (), len(line))


def row_pages(rows: Iterable[TextRow], first: int = 1, least: int = 0) -> Iterator[RowPage]:
    """Yield `rows` as pages, the first of which has the number `first`.

    A page has at least `least` bytes, those of a header that each page repeats: however long that
    is, the pages together stay about as long as the file.
    """
    page: list[TextRow] = []
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
    """Yield plain text as pages: lines until a page is full, each page one row of text."""
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
    return RowPage(1, (TextRow((text,), size),), size)

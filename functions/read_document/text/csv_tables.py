"""Tables in delimited text: CSV, TSV, and the exports of spreadsheets under these names.

The delimiter and whether the first row is a header are detected at the beginning. Rows are kept as
they are, even if they have more or fewer cells than the header.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.parts import TextPlan
from chalicelib.documents.pages import Block, page_of
from chalicelib.documents.tables import table_blocks
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.pages import Extract
from functions.read_document.text.encodings import encoding_of, in_utf8, is_wide
from functions.read_document.text.rows import RowPage, TextRow, row_pages, table_rows

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Page
    from functions.read_document.text.rows import Blocks

FORMAT = "CSV"
MEDIA_TYPES = {"\t": "text/tab-separated-values"}
DELIMITERS = ",;\t|"

_SAMPLE_ROWS = 100
_MAX_TITLE = 80
"""The most characters of a column's title that each passage repeats; the first page has all."""
_NARROW = 8
"""A table of at most this many columns shows them all, even empty ones."""
_WASTE = 2
"""Empty cells are filled in until a table would have this many times its own cells."""
_DATA = re.compile(
    r"""[-+]?[\d.,']*\d[\d.,']*\s*[%€$£]? | [€$£]\s*[\d.,']+
    | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ].*)? | \d{1,2}:\d{2}(?::\d{2})?""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class TableHead:
    """The format of a table, detected at its beginning, and the size of its header in bytes."""

    plan: TextPlan
    size: int


def extract(data: bytes) -> Extract:
    """Return a table as pages of a hundred rows.

    Raises:
        InvalidInput: it has no row, or one that cannot be read.
        Unsupported: it is not text, or a row is too long.
    """

    def blocks() -> Iterator[bytes]:
        yield data

    encoding = encoding_of(blocks)
    if is_wide(encoding):
        return extract(b"".join(in_utf8(blocks(), encoding)))
    head = read_head(blocks, encoding)
    rows = rows_of(itertools.chain([data[head.size :]]), head.plan)
    grouped_rows = row_pages(rows, least=min_page_bytes(head.plan))
    pages = tuple(
        page(page_rows, number, head.plan) for number, page_rows in enumerate(grouped_rows, start=1)
    )
    return Extract(media_type(head.plan), pages or (header_page(head.plan),))


def read_head(blocks: Blocks, encoding: str) -> TableHead:
    """Return the format of a table, detected from its first rows.

    Raises:
        InvalidInput: there is no row.
    """
    encoding = _without_mark(blocks, encoding)
    delimiter = max(DELIMITERS, key=lambda mark: _delimiter_fit(blocks, encoding, mark))
    rows = list(itertools.islice(table_rows(blocks(), encoding, delimiter), _SAMPLE_ROWS))
    size, first = 0, TextRow((), 0)
    for row in rows:
        size += row.size
        if row.cells:
            first = row
            break
    if not first.cells:
        raise InvalidInput("The file holds no text.", field="file")
    if not _is_header(first.cells, rows):
        return TableHead(TextPlan(format=FORMAT, encoding=encoding, delimiter=delimiter), 0)
    plan = TextPlan(format=FORMAT, encoding=encoding, delimiter=delimiter, header=first.cells)
    return TableHead(plan, size)


def rows_of(blocks: Iterable[bytes], plan: TextPlan) -> Iterator[TextRow]:
    """Yield the rows in `blocks`, which begin at a row behind the header."""
    return table_rows(blocks, plan.encoding, plan.delimiter)


def min_page_bytes(plan: TextPlan) -> int:
    """Return the fewest bytes of a page: those of the header that it repeats."""
    return sum(len(title) + 1 for title in plan.header)


def media_type(plan: TextPlan) -> str:
    """Return the media type of the table."""
    return MEDIA_TYPES.get(plan.delimiter, "text/csv")


def page(rows: RowPage, number: int, plan: TextPlan) -> Page:
    """Return rows as page `number`: Markdown tables that each repeat the header."""
    heading = Block(f"Rows {rows.first:,} to {rows.last:,}", level=1)
    titles = [_shorten(title) for title in plan.header]
    blocks = [heading]
    if rows.first == 1 and titles != list(plan.header):
        blocks.append(Block(", ".join(plan.header)))
    for run in _narrow_runs([row.cells for row in rows.rows], len(titles)):
        width = max(min(len(titles), _NARROW), *map(len, run))
        shown = titles[:width] if titles else [f"Column {n}" for n in range(1, width + 1)]
        blocks += table_blocks(run, header=shown)
    return page_of(number, blocks)


def header_page(plan: TextPlan) -> Page:
    """Return the only page of a table that has a header and no row."""
    return page_of(1, table_blocks([plan.header]))


def _without_mark(blocks: Blocks, encoding: str) -> str:
    """Return the variant of `encoding` that drops a byte order mark, if there is one."""
    begins = next(iter(blocks()), b"").startswith(b"\xef\xbb\xbf")
    return "utf-8-sig" if begins and encoding == "utf-8" else encoding


def _delimiter_fit(blocks: Blocks, encoding: str, mark: str) -> tuple[float, int]:
    """Return how well `mark` splits the first rows, as the share of the commonest width.

    The width itself is returned, too.
    """
    try:
        sample = itertools.islice(table_rows(blocks(), encoding, mark), _SAMPLE_ROWS)
        widths = Counter(len(row.cells) for row in sample if row.cells)
    except (InvalidInput, Unsupported):
        return 0.0, 0
    width, count = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
    return (count / widths.total(), width) if width > 1 else (0.0, 0)


def _is_header(first: Sequence[str], rows: Sequence[TextRow]) -> bool:
    """Return whether the first row names the columns: it has text only, and rows follow."""
    if any(_DATA.fullmatch(cell.strip()) for cell in first):
        return False
    filled = [cell.strip() for cell in first if cell.strip()]
    return len(filled) == len(set(filled)) and 2 * len(filled) > len(first) and len(rows) > 1


def _shorten(title: str) -> str:
    return title if len(title) <= _MAX_TITLE else title[: _MAX_TITLE - 1] + "…"


def _narrow_runs(rows: Sequence[Sequence[str]], titles: int) -> Iterator[list[list[str]]]:
    """Yield `rows` in runs that waste few cells if each is filled up to its widest row.

    One table of all of them could have a thousand times the cells of the file.
    """
    run: list[list[str]] = []
    cells = width = 0
    for row in map(_trim, rows):
        if not row:
            continue
        wider = max(width, len(row))
        more = cells + max(len(row), min(titles, _NARROW))
        if run and wider * (len(run) + 1) > _WASTE * more:
            yield run
            run, more, wider = [], len(row), len(row)
        run.append(row)
        cells, width = more, wider
    if run:
        yield run


def _trim(row: Sequence[str]) -> list[str]:
    """Return `row` without the empty cells at its end."""
    cells = list(row)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells

"""JSON Lines: a record a line. Lines that are no JSON are kept as they stand.

https://jsonlines.org
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chalicelib.contracts.parts import TextPlan
from chalicelib.errors import InvalidInput
from functions.read_document import jsons, trees
from functions.read_document.charset import encoding_of, in_utf8, is_wide
from functions.read_document.pages import Block, Extract, page_of
from functions.read_document.rows import Row, RowPage, line_rows, row_pages
from functions.read_document.trees import Items, Prose, Value

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Page

FORMAT = "JSONL"
MEDIA_TYPE = "application/jsonl"
NOT_JSON = "Some lines are not valid JSON; they are kept as they stand."


def extract(data: bytes) -> Extract:
    """Return the records by pages of a hundred.

    Raises:
        InvalidInput: there is no line.
        Unsupported: it is not text, or a line is too long.
    """

    def blocks() -> Iterator[bytes]:
        yield data

    encoding = encoding_of(blocks)
    text = in_utf8(blocks(), encoding) if is_wide(encoding) else blocks()
    plan = TextPlan(format=FORMAT, encoding="utf-8" if is_wide(encoding) else encoding)
    found = list(row_pages(rows_of(text, plan)))
    if not found:
        raise InvalidInput("The file holds no text.", field="file")
    pages = tuple(page(each, number) for number, each in enumerate(found, start=1))
    return Extract(MEDIA_TYPE, pages, notices=notices(found))


def rows_of(blocks: Iterable[bytes], plan: TextPlan) -> Iterator[Row]:
    """Yield the lines in `blocks`."""
    return line_rows(blocks, plan.encoding)


def page(rows: RowPage, number: int) -> Page:
    """Return lines as page `number`: flat records as a table, others as paths with values."""
    heading = Block(f"Lines {rows.first:,} to {rows.last:,}", level=1)
    values = Items(_value(row.cells[0]) for row in rows.rows)
    return page_of(number, [heading, *trees.blocks(values)])


def notices(pages: Iterable[RowPage]) -> tuple[str, ...]:
    """Return what to tell of lines that are no JSON."""
    texts = (row.cells[0] for page in pages for row in page.rows)
    return (NOT_JSON,) if any(isinstance(_value(text), Prose) for text in texts) else ()


def _value(line: str) -> Value:
    try:
        return jsons.parse(line.lstrip("\ufeff"))
    except InvalidInput:
        return Prose(line.strip())

"""JSON Lines: one record per line. Lines that are not JSON are kept unchanged.

https://jsonlines.org
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chalicelib.contracts.parts import TextPlan
from chalicelib.documents.pages import Block, page_of
from chalicelib.errors import InvalidInput
from functions.read_document.pages import Extract
from functions.read_document.text import json_values, nested_values
from functions.read_document.text.encodings import encoding_of, in_utf8, is_wide
from functions.read_document.text.nested_values import ProseText, Value, ValueList
from functions.read_document.text.rows import RowPage, TextRow, line_rows, row_pages

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
    grouped_rows = list(row_pages(rows_of(text, plan)))
    if not grouped_rows:
        raise InvalidInput("The file holds no text.", field="file")
    pages = tuple(page(page_rows, number) for number, page_rows in enumerate(grouped_rows, start=1))
    return Extract(MEDIA_TYPE, pages, notices=notices(grouped_rows))


def rows_of(blocks: Iterable[bytes], plan: TextPlan) -> Iterator[TextRow]:
    """Yield the lines in `blocks`."""
    return line_rows(blocks, plan.encoding)


def page(rows: RowPage, number: int) -> Page:
    """Return lines as page `number`: flat records as a table, others as paths with values."""
    heading = Block(f"Lines {rows.first:,} to {rows.last:,}", level=1)
    values = ValueList(_value(row.cells[0]) for row in rows.rows)
    return page_of(number, [heading, *nested_values.blocks(values)])


def notices(pages: Iterable[RowPage]) -> tuple[str, ...]:
    """Return a notice if some lines are not JSON."""
    texts = (row.cells[0] for page in pages for row in page.rows)
    return (NOT_JSON,) if any(isinstance(_value(text), ProseText) for text in texts) else ()


def _value(line: str) -> Value:
    try:
        return json_values.parse(line.lstrip("\ufeff"))
    except InvalidInput:
        return ProseText(line.strip())

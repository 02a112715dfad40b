"""Plan the parts in which a file that is too large for one step is read.

The plan finds where parts begin and counts their content; many workers extract their text later, at
once. There are at most a thousand parts, so they grow with the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.parts import MAX_PARTS, Part, TextPlan
from chalicelib.errors import InvalidInput
from functions.read_document.file_types.formats import FileType, Format
from functions.read_document.text import csv_tables, json_lines
from functions.read_document.text.encodings import encoding_of, in_utf8, is_wide
from functions.read_document.text.rows import RowPage, row_pages, text_pages

if TYPE_CHECKING:
    from functions.read_document.pages import Extract
    from functions.read_document.text.rows import Blocks

LARGE_TEXT = 2 * 1024 * 1024
"""Bytes of text, or characters of a file that was read whole, beyond which there are parts."""
LARGE_PAGES = 64
LARGE_RECOGNISING = 16
"""Pages of a PDF, and scanned pages among them, beyond which there are parts."""

PART_BYTES = 512 * 1024
PART_PAGES = 50
PART_RECOGNISING = 10
"""A part is full with this many bytes, pages, or pages to recognise: it has five minutes."""

TEXT_FORMATS = frozenset({Format.CSV, Format.TSV, Format.JSONL, Format.PLAIN})
"""The formats that are read row by row, or line by line."""
PLAIN = "PLAIN"
UTF8 = "text"
"""The name of the object that holds a source of two or four bytes a character in UTF-8."""


@dataclass(frozen=True, slots=True)
class PartPlan:
    """The parts of a file and their totals.

    `text` says how the text of the parts is read. `extract` is the result of a file that could only
    be read as a whole.
    """

    media_type: str
    parts: tuple[Part, ...]
    text: TextPlan | None = None
    extract: Extract | None = None
    notices: tuple[str, ...] = ()

    @property
    def pages(self) -> int:
        """Return the number of pages of all parts."""
        return sum(part.pages for part in self.parts)

    @property
    def rows(self) -> int:
        """Return the number of rows of all parts."""
        return sum(part.rows for part in self.parts)


def plan_text(kind: FileType, blocks: Blocks) -> PartPlan:
    """Plan a text by its rows or lines.

    Raises:
        Unsupported: it is not text, or a row is too long.
        InvalidInput: a row cannot be read, or there is none.
    """
    encoding = encoding_of(blocks)
    if is_wide(encoding):
        return _plan_text(kind, lambda: in_utf8(blocks(), encoding), "utf-8", UTF8)
    return _plan_text(kind, blocks, encoding, "source")


def plan_pages(
    media_type: str, pages: int, recognise: Sequence[int], notices: tuple[str, ...] = ()
) -> PartPlan:
    """Plan a PDF of `pages` pages, of which `recognise` are scanned."""
    scanned = set(recognise)
    part_pages = max(PART_PAGES, math.ceil(pages / (MAX_PARTS // 2)))
    parts: list[Part] = []
    first, scanned_in_part = 1, list[int]()
    for number in range(1, pages + 1):
        if number in scanned:
            scanned_in_part.append(number)
        count = number - first + 1
        if count == part_pages or len(scanned_in_part) == PART_RECOGNISING or number == pages:
            part = Part(
                part=len(parts) + 1, first_page=first, pages=count, recognise=tuple(scanned_in_part)
            )
            parts.append(part)
            first, scanned_in_part = number + 1, []
    return PartPlan(media_type, tuple(parts), notices=notices)


def plan_written(extract: Extract) -> PartPlan:
    """Plan pages that were read already, and are only split to be chunked in parallel."""
    pages = extract.pages
    total = sum(len(page.text) for page in pages)
    full = max(PART_BYTES, math.ceil(total / (MAX_PARTS // 2)))
    part_pages = max(PART_PAGES, math.ceil(len(pages) / (MAX_PARTS // 2)))
    parts: list[Part] = []
    first, size = 1, 0
    for number, page in enumerate(pages, start=1):
        size += len(page.text)
        count = number - first + 1
        if size >= full or count == part_pages or number == len(pages):
            part = Part(part=len(parts) + 1, first_page=first, pages=count, written=True)
            parts.append(part)
            first, size = number + 1, 0
    return PartPlan(extract.media_type, tuple(parts), extract=extract)


def text_row_pages(blocks: Iterable[bytes], plan: TextPlan, first_row: int) -> Iterator[RowPage]:
    """Yield the pages of text that begins at a page, with its row `first_row`."""
    if plan.format == csv_tables.FORMAT:
        rows = csv_tables.rows_of(blocks, plan)
        return row_pages(rows, first_row, csv_tables.min_page_bytes(plan))
    if plan.format == json_lines.FORMAT:
        return row_pages(json_lines.rows_of(blocks, plan), first_row)
    return text_pages(blocks, plan.encoding)


def _plan_text(kind: FileType, blocks: Blocks, encoding: str, source: str) -> PartPlan:
    begin, media_type = 0, kind.media_type
    plan = TextPlan(format=PLAIN, encoding=encoding)
    if kind.format in (Format.CSV, Format.TSV):
        head = csv_tables.read_head(blocks, encoding)
        begin, plan, media_type = head.size, head.plan, csv_tables.media_type(head.plan)
    elif kind.format is Format.JSONL:
        plan = TextPlan(format=json_lines.FORMAT, encoding=encoding)
    plan = plan.model_copy(update={"source": source})
    size = sum(map(len, blocks()))
    parts = _text_parts(text_row_pages(_skip_bytes(blocks(), begin), plan, 1), begin, size)
    if not parts:
        raise InvalidInput("The file holds no text.", field="file")
    return PartPlan(media_type, parts, plan)


def _text_parts(pages: Iterable[RowPage], begin: int, size: int) -> tuple[Part, ...]:
    """Return parts of `pages`, which begin at byte `begin`; together they reach to `size`."""
    full = max(PART_BYTES, math.ceil(size / (MAX_PARTS - 1)))
    parts: list[Part] = []
    page, row, start = 1, 1, begin
    for number, (count, rows, part_bytes) in enumerate(_group_pages(pages, full), start=1):
        part = Part(
            part=number,
            first_page=page,
            pages=count,
            first_row=row,
            rows=rows,
            start=start,
            end=start + part_bytes,
        )
        parts.append(part)
        page, row, start = page + count, row + rows, start + part_bytes
    return (*parts[:-1], *(part.model_copy(update={"end": size}) for part in parts[-1:]))


def _group_pages(pages: Iterable[RowPage], full: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of pages, rows and bytes of each part."""
    count = rows = size = 0
    for page in pages:
        count, rows, size = count + 1, rows + len(page.rows), size + page.size
        if size >= full:
            yield count, rows, size
            count = rows = size = 0
    if count:
        yield count, rows, size


def _skip_bytes(blocks: Iterable[bytes], begin: int) -> Iterator[bytes]:
    """Yield `blocks` without their first `begin` bytes."""
    for block in blocks:
        if begin < len(block):
            yield block[begin:]
        begin = max(0, begin - len(block))

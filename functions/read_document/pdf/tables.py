"""Tables of a PDF page, as rows of Markdown in their place in the text.

PDF knows no tables. Candidates are found cheaply first: by lines that the page draws, and by lines
of text with gaps. Only then are characters put into cells one by one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pypdfium2 import raw

from chalicelib.documents.boxes import Piece, rows_of
from chalicelib.documents.layout import MAX_PIECES, Grid, regions
from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from functions.read_document.pdf.frames import (
    Cell,
    TableFrame,
    frames_of,
    rotated_box,
    ruling_lines,
)
from functions.read_document.pdf.glyphs import (
    Glyph,
    join_hyphens,
    text_of,
    words_of,
)

if TYPE_CHECKING:
    import pypdfium2

_GAP = 1.2
"""The smallest gap between cells of a table without lines, in line heights."""
_MIN_PARTED = 3
_MORE_THAN_LINES = 1.2
_MIN_ROWS = 2
_MAX_WORDS = 80
"""Characters per cell: a table with more on average is a frame around text."""


@dataclass(frozen=True, slots=True)
class PdfTable:
    """The rows of a table, and which characters of the page are in it."""

    rows: Sequence[Sequence[str]]
    taken: frozenset[int]


def blocks_with_tables(
    page: pypdfium2.PdfPage,
    layer: pypdfium2.PdfTextPage,
    text: str,
    glyphs: Sequence[Glyph] | None,
) -> list[Block]:
    """Return the text of a page, given as `text` by the library, as blocks including tables.

    A page without `glyphs`, its characters, has too many to be searched for tables.
    """
    if glyphs is None:
        return [Block(join_hyphens(text))]
    rules = ruling_lines(page)
    frames = frames_of(rules) if rules else []
    if not frames and not _may_hold_columns(page, layer, text):
        return [Block(join_hyphens(text))]
    tables = [table for frame in frames if (table := _table_in_frame(frame, glyphs))]
    table_characters = {at for table in tables for at in table.taken}
    tables += _aligned_tables(list(words_of(glyphs, table_characters)))
    return _place_tables(glyphs, tables) if tables else [Block(join_hyphens(text))]


def _may_hold_columns(page: pypdfium2.PdfPage, layer: pypdfium2.PdfTextPage, text: str) -> bool:
    """Return whether several lines consist of pieces that are far apart."""
    count = raw.FPDFText_CountRects(layer, 0, -1)
    if not _MORE_THAN_LINES * (text.count("\n") + 1) < count <= MAX_PIECES:
        return False
    rotation = raw.FPDFPage_GetRotation(page)
    edges = [ctypes.c_double() for _ in range(4)]
    left, top, right, bottom = edges
    places = [ctypes.byref(edge) for edge in edges]
    pieces: list[Piece] = []
    for index in range(count):
        raw.FPDFText_GetRect(layer, index, *places)
        box = rotated_box(rotation, left.value, bottom.value, right.value, top.value)
        if box[3] > box[1]:
            pieces.append(Piece(*box, text=""))
    parted = sum(len(row) > 1 for row in rows_of(pieces, _GAP))
    return parted >= _MIN_PARTED


def _table_in_frame(frame: TableFrame, glyphs: Sequence[Glyph]) -> PdfTable | None:
    """Return the table that the characters in a frame form, if any."""
    cells: dict[Cell, list[int]] = {}
    for at, glyph in enumerate(glyphs):
        if not glyph.stands:
            continue
        middle = (glyph.left + glyph.right) / 2, (glyph.top + glyph.bottom) / 2
        cell = frame.cell(*middle)
        if cell is not None:
            cells.setdefault(cell, []).append(at)
    full = [row for row in range(frame.size[0]) if sum(cell[0] == row for cell in cells) > 1]
    texts = {cell: _cell_text(glyphs, members) for cell, members in cells.items()}
    words = sum(len(text.split()) for text in texts.values())
    if len(full) < _MIN_ROWS or words > _MAX_WORDS * len(cells):
        return None
    rows, columns = frame.size
    return PdfTable(
        [[texts.get((row, column), "") for column in range(columns)] for row in range(rows)],
        frozenset(at for members in cells.values() for at in members),
    )


def _cell_text(glyphs: Sequence[Glyph], members: Sequence[int]) -> str:
    """Return characters as text, with a space where the content continues elsewhere."""
    pieces: list[Glyph] = []
    before = members[0] - 1
    for at in members:
        if at != before + 1:
            made_up = glyphs[before + 1 : at]
            joined = len(made_up) == 1 and made_up[0].text in ("\ufffe", "\x02")
            pieces += [] if joined else [Glyph(" ")]
        pieces.append(glyphs[at])
        before = at
    return text_of(pieces)


def _aligned_tables(words: Sequence[Piece]) -> list[PdfTable]:
    """Return the tables that are recognisable only by white space between columns."""
    if len(words) > MAX_PIECES:
        return []
    return [
        PdfTable(region.cells, frozenset(at for piece in region.pieces for at in piece.at))
        for region in regions(words, _GAP)
        if isinstance(region, Grid)
    ]


def _place_tables(glyphs: Sequence[Glyph], tables: Sequence[PdfTable]) -> list[Block]:
    """Return the text of a page with each table in the place of its first character."""
    starts = {min(table.taken): table for table in tables}
    table_characters = {at for table in tables for at in table.taken}
    blocks: list[Block] = []
    waiting: list[Glyph] = []
    for at, glyph in enumerate(glyphs):
        if at in starts:
            blocks.append(Block(text_of(waiting)))
            blocks += table_blocks(starts[at].rows)
            waiting = []
        if at not in table_characters:
            waiting.append(glyph)
    return [*blocks, Block(text_of(waiting))]

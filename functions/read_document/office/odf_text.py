"""The text of an OpenDocument file in reading order.

Elements are those of OASIS OpenDocument 1.3 part 3, 4 to 10. A repeated cell or space is never
written out as often as the file says: it may say a billion times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from functions.read_document.office.odf_styles import (
    DRAW,
    OFFICE,
    PRESENTATION,
    TABLE,
    TEXT,
    OdfStyles,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_PAGES = 5_000
"""After this many page breaks the rest is one page."""
MAX_COLUMNS = 16_384
MAX_REPEATED = 64
"""The most repetitions of a cell in a table of a text or on a slide."""
MAX_LEVEL = 6

_SPACES = re.compile(r"[ \t\r\n]+")
_PARAGRAPHS = (f"{TEXT}p", f"{TEXT}h")
_UNSEEN = {
    f"{TEXT}table-of-content",
    f"{TEXT}alphabetical-index",
    f"{TEXT}table-index",
    f"{TEXT}illustration-index",
    f"{TEXT}tracked-changes",
    f"{TEXT}ruby-text",
    f"{TEXT}note-citation",
    f"{OFFICE}forms",
    f"{PRESENTATION}notes",
    f"{DRAW}glue-point",
}
_ROW_GROUPS = {f"{TABLE}{name}" for name in ("table-header-rows", "table-rows", "table-row-group")}
_WRITTEN = {f"{TEXT}s": " ", f"{TEXT}tab": " ", f"{TEXT}line-break": "\n"}
_FRAMES = {f"{DRAW}text-box", f"{DRAW}custom-shape", f"{DRAW}rect", f"{DRAW}ellipse"}


@dataclass(slots=True)
class OdfWalker:
    """Collects pages of blocks, and counts content of which the owner gets notices."""

    styles: OdfStyles
    pages: list[list[Block]] = field(default_factory=lambda: [[]])
    comments: int = 0
    deletions: int = 0
    _notes: list[str] = field(default_factory=list)
    _frames: list[_Element] = field(default_factory=list)

    def walk(self, body: _Element) -> None:
        """Read a text document to its end."""
        for block in self._blocks(body):
            if block is not None:
                self.pages[-1].append(block)
            elif len(self.pages) < MAX_PAGES:
                self.end_notes()
                self.pages.append([])
        self.end_notes()

    def blocks(self, parent: _Element) -> list[Block]:
        """Return the blocks of a separate part; page breaks do not count."""
        return [block for block in self._blocks(parent) if block is not None]

    def end_notes(self) -> None:
        """Put the notes of a page at its end."""
        self.pages[-1].extend(Block(note) for note in self._notes)
        self._notes.clear()

    def _blocks(self, parent: _Element) -> Iterator[Block | None]:
        """Yield the blocks of a container; None is a page break."""
        for child in parent:
            tag = child.tag
            if tag in _PARAGRAPHS:
                yield from self._paragraph(child, "")
            elif tag == f"{TEXT}list":
                yield from self._list(child, child.get(f"{TEXT}style-name", ""), 1)
            elif tag == f"{TABLE}table":
                yield from self._table(child)
            elif tag == f"{TEXT}tracked-changes":
                self.deletions += sum(1 for _ in child.iter(f"{TEXT}deletion"))
            elif tag == f"{OFFICE}annotation":
                self.comments += 1
            elif tag not in _UNSEEN:
                yield from self._blocks(child)

    def _paragraph(self, paragraph: _Element, marker: str) -> Iterator[Block | None]:
        style = paragraph.get(f"{TEXT}style-name", "")
        if style in self.styles.breaks_before:
            yield None
        text = self.text(paragraph)
        if text and paragraph.tag == f"{TEXT}h":
            level = paragraph.get(f"{TEXT}outline-level", "1")
            yield Block(marker + " ".join(text.split()), bounded_count(level, MAX_LEVEL))
        elif text:
            yield Block(marker + text)
        frames, self._frames = self._frames, []
        for frame in frames:
            yield from self._blocks(frame)
        if style in self.styles.breaks_after:
            yield None

    def text(self, paragraph: _Element) -> str:
        """Return the displayed text of a paragraph; a run of white space becomes one space."""
        pieces = list(self._inline(paragraph))
        return "\n".join(line.strip() for line in "".join(pieces).split("\n")).strip()

    def _inline(self, parent: _Element) -> Iterator[str]:
        yield _SPACES.sub(" ", parent.text or "")
        for child in parent:
            tag = child.tag
            if tag in _WRITTEN:
                yield _WRITTEN[tag]
            elif tag == f"{TEXT}note":
                yield self._note(child)
            elif tag == f"{OFFICE}annotation":
                self.comments += 1
            elif tag in _FRAMES or tag == f"{DRAW}frame":
                self._frames.append(child)
            elif tag not in _UNSEEN:
                yield from self._inline(child)
            yield _SPACES.sub(" ", child.tail or "")

    def _note(self, note: _Element) -> str:
        """Return the sign of a note, and keep the note for the end of its page."""
        citation = note.find(f"{TEXT}note-citation")
        body = note.find(f"{TEXT}note-body")
        sign = f"[{'' if citation is None else ''.join(citation.itertext()).strip()}]"
        text = "" if body is None else " ".join(block.text for block in self.blocks(body))
        self._notes.append(f"{sign} {text}")
        return sign

    def _list(self, items: _Element, style: str, level: int) -> Iterator[Block | None]:
        marker = self.styles.marker(style, level)
        number = 0
        for item in items:
            sign = marker.text(number) if item.tag == f"{TEXT}list-item" else ""
            number += item.tag == f"{TEXT}list-item"
            for child in item:
                if child.tag in _PARAGRAPHS:
                    yield from self._paragraph(child, sign)
                    sign = ""
                elif child.tag == f"{TEXT}list":
                    yield from self._list(child, child.get(f"{TEXT}style-name", style), level + 1)

    def _table(self, table: _Element) -> Iterator[Block | None]:
        rows = [list(row) for row in rows_of(table)]
        layout = all(len([cell for cell in row if _is_cell(cell)]) == 1 for row in rows)
        if layout:
            for row in rows:
                for cell in row:
                    yield from self._blocks(cell)
            return
        names_first = self._has_names_first(table, rows)
        yield from table_blocks((list(self._row(row)) for row in rows), names_first=names_first)

    def _has_names_first(self, table: _Element, rows: Sequence[Sequence[_Element]]) -> bool:
        """Return whether the first of two columns is in bold, the other not, without a header."""
        if table.find(f"{TABLE}table-header-rows") is not None:
            return False
        return all(
            len(row) == 2 and self._is_bold(row[0]) and not self._is_bold(row[1]) for row in rows
        )

    def _is_bold(self, cell: _Element) -> bool:
        """Return whether each paragraph of a cell is in bold, by its style or its one span's."""
        paragraphs = [p for p in cell.iter(*_PARAGRAPHS) if "".join(p.itertext()).strip()]
        return bool(paragraphs) and all(self._is_bold_paragraph(each) for each in paragraphs)

    def _is_bold_paragraph(self, paragraph: _Element) -> bool:
        if paragraph.get(f"{TEXT}style-name", "") in self.styles.bold:
            return True
        inside = list(paragraph)
        if len(inside) != 1 or (paragraph.text or "").strip() or (inside[0].tail or "").strip():
            return False
        return inside[0].get(f"{TEXT}style-name", "") in self.styles.bold

    def _row(self, row: Iterable[_Element]) -> Iterator[str]:
        for cell in row:
            texts = [block.text for block in self._blocks(cell) if block is not None]
            repeated = bounded_count(cell.get(f"{TABLE}number-columns-repeated", "1"), MAX_REPEATED)
            yield from [" ".join(texts) if _is_cell(cell) else ""] * repeated


def rows_of(table: _Element) -> Iterator[_Element]:
    """Yield the rows of a table, also those in groups."""
    for child in table:
        if child.tag == f"{TABLE}table-row":
            yield child
        elif child.tag in _ROW_GROUPS:
            yield from rows_of(child)


def _is_cell(element: _Element) -> bool:
    """Return whether an element is a cell, not a position covered by another one."""
    return bool(element.tag == f"{TABLE}table-cell")


def bounded_count(text: str, limit: int) -> int:
    """Return the positive integer in `text`, capped at `limit`; 1 if it is none."""
    return min(max(int(text), 1), limit) if text.isdigit() and len(text) < 20 else 1

"""RTF: the text that a word processor shows, by page breaks, with headings and tables.

striprtf turns RTF into text and loses its structure. So `rtf_groups` puts marker characters into
the RTF where a heading, a table row or a page begins; they appear at the same places in the text,
and are interpreted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.documents.pages import Block, pages_of
from chalicelib.documents.tables import table_blocks
from functions.read_document.office import rtf_groups as sign
from functions.read_document.office.opc import damage_as_input
from functions.read_document.pages import MARGINS, Extract

MEDIA_TYPE = "application/rtf"
MAX_PAGES = 5_000
MAX_LEVEL = 6

_SIGN = re.compile("([\ue000-\ue0ff])")
_BULLET = re.compile("^[·•▪◦‣\uf0b7o-]\t+")
_NUMBER = re.compile(r"^(\(?[0-9A-Za-z]{1,4}[.)])\t+")


@dataclass(slots=True)
class _PageWriter:
    """Collects pages of blocks from text and signs."""

    notes: list[str]
    pages: list[list[Block]] = field(default_factory=lambda: [[]])
    text: str = ""
    level: int = 0
    in_table: bool = False
    cells: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    noted: list[int] = field(default_factory=list)
    seen: int = 0

    def take(self, piece: str) -> None:
        """Process a sign, or the text between two signs."""
        if piece == sign.PARAGRAPH:
            self._end_paragraph()
        elif piece == sign.RESET:
            self.level, self.in_table = 0, False
        elif piece == sign.IN_TABLE:
            self.in_table = True
        elif piece == sign.CELL:
            self.cells.append(self.text.removesuffix("|"))
            self.text = ""
        elif piece == sign.ROW:
            self.rows.append(self.cells)
            self.cells, self.text = [], ""
        elif piece == sign.PAGE:
            self._end_page()
        elif piece == sign.NOTE and self.seen < len(self.notes):
            self.noted.append(self.seen)
            self.seen += 1
        elif piece and piece in sign.LEVELS:
            self.level = min(sign.LEVELS.index(piece) + 1, MAX_LEVEL)
        else:
            self.text += piece

    def end(self) -> None:
        """End the last page."""
        self._end_paragraph()
        self._end_table()
        for number in self.noted:
            self.pages[-1].append(Block(f"[{number + 1}] {self.notes[number]}"))
        self.noted.clear()

    def _end_paragraph(self) -> None:
        if self.in_table:
            self.text += " "
            return
        text = _NUMBER.sub(r"\1 ", _BULLET.sub("- ", self.text.strip("\n "))).strip()
        self.text = ""
        if text:
            self._end_table()
            title = " ".join(text.split())
            self.pages[-1].append(Block(title, self.level) if self.level else Block(text))

    def _end_table(self) -> None:
        self.pages[-1].extend(table_blocks(self.rows))
        self.rows = []

    def _end_page(self) -> None:
        self.in_table = False
        self.end()
        if len(self.pages) < MAX_PAGES:
            self.pages.append([])


def extract(data: bytes) -> Extract:
    """Return the pages of an RTF document.

    Raises `InvalidInput` if it is damaged.
    """
    with damage_as_input("RTF document"):
        parts = sign.split_rtf(data)
        notes = [_one_line(note) for note in _rtf_text(parts.notes).split(sign.NOTE)[1:]]
        writer = _write(_rtf_text(parts.body), notes)
        margins = _write(_rtf_text(parts.margins), [])
    texts = dict.fromkeys(_one_line(block.text) for page in margins.pages for block in page)
    if texts:
        writer.pages[-1] += [Block(MARGINS, 1), *map(Block, texts)]
    while len(writer.pages) > 1 and not writer.pages[-1]:
        writer.pages.pop()
    return Extract(MEDIA_TYPE, pages_of(writer.pages), notices=tuple(_notices(parts)))


def _rtf_text(rtf: str) -> str:
    """Return the text of RTF, signs included."""
    from striprtf.striprtf import rtf_to_text

    text = rtf_to_text(rtf, errors="replace") if rtf else ""  # type: ignore[no-untyped-call]
    # RTF writes characters beyond the first plane as two halves.
    return str(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _write(text: str, notes: list[str]) -> _PageWriter:
    writer = _PageWriter(notes)
    for piece in _SIGN.split(text):
        writer.take(piece)
    writer.in_table = False
    writer.end()
    return writer


def _one_line(text: str) -> str:
    return " ".join(_SIGN.sub(" ", text).split())


def _notices(parts: sign.RtfParts) -> Iterator[str]:
    if parts.comments:
        yield f"Comments are not read; the document has {parts.comments}."
    if parts.deletions:
        yield f"Text that is marked as deleted is not read; places: {parts.deletions}."

"""The text of a DOCX in reading order: paragraphs, lists, tables, notes.

The XML tree is walked directly, not through the library's objects, which look up styles again for
each paragraph. Elements are those of ECMA-376 part 1, 17.2 to 17.13.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from functions.read_document.office.docx_styles import (
    ListNumbering,
    ParagraphStyle,
    ParagraphStyles,
    W,
    is_on,
    roman,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_PAGES = 5_000
"""After this many page breaks the rest is one page."""
PAGE_BREAK = "\f"
MAX_COLUMNS = 63
"""The most columns of a table, as in Word."""

_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DELETED = {f"{W}del", f"{W}moveFrom"}
_UNSEEN = _DELETED | {f"{W}{name}" for name in ("rt", "pPr", "rPr", "instrText", "delText")}
_CONTAINERS = {f"{W}{name}" for name in ("ins", "moveTo", "customXml", "smartTag", "sdtContent")}
_TEXT = {
    f"{W}tab": "\t",
    f"{W}cr": "\n",
    f"{W}noBreakHyphen": "-",
}
_OFF = frozenset({"0", "false", "off"})
_NOTES = {f"{W}footnoteReference": "footnote", f"{W}endnoteReference": "endnote"}
_DRAWN = {f"{W}drawing", f"{W}pict", f"{W}object"}


@dataclass(slots=True)
class DocxWalker:
    """Collects pages of blocks. `notes` are the texts of foot- and endnotes, by kind and id."""

    styles: ParagraphStyles
    numbering: ListNumbering
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    pages: list[list[Block]] = field(default_factory=lambda: [[]])
    comments: int = 0
    embedded: int = 0
    deletions: int = 0
    _pending: list[str] = field(default_factory=list)
    _noted: dict[str, int] = field(default_factory=dict)
    _boxes: list[_Element] = field(default_factory=list)

    def walk(self, body: _Element) -> None:
        """Read the body to its end."""
        for block in self._blocks(body):
            if block is None:
                self._end_page()
            else:
                self.pages[-1].append(block)
        self._end_notes()

    def blocks(self, part: _Element) -> list[Block]:
        """Return the blocks of a separate part, such as a note; page breaks do not count."""
        return [block for block in self._blocks(part) if block is not None]

    def _end_page(self) -> None:
        if len(self.pages) < MAX_PAGES:
            self._end_notes()
            self.pages.append([])

    def _end_notes(self) -> None:
        self.pages[-1].extend(Block(note) for note in self._pending)
        self._pending.clear()

    def _blocks(self, parent: _Element) -> Iterator[Block | None]:
        """Yield the blocks of a container; None is a page break."""
        for child in parent:
            tag = child.tag
            if tag == f"{W}p":
                yield from self._paragraph(child)
            elif tag == f"{W}tbl":
                yield from self._table(child)
            elif tag == f"{W}sdt":
                yield from () if _is_contents(child) else self._blocks(_content(child))
            elif tag == f"{_MC}AlternateContent":
                yield from self._blocks(_first_choice(child))
            elif tag == f"{W}altChunk":
                self.embedded += 1
            elif tag in _CONTAINERS:
                yield from self._blocks(child)
            elif tag in _DELETED:
                self.deletions += 1

    def _paragraph(self, paragraph: _Element) -> Iterator[Block | None]:
        properties = paragraph.find(f"{W}pPr")
        style = self.styles.of_paragraph(properties)
        if style.breaks_page:
            yield None
        text = "".join(self._inline(paragraph))
        marker = self.numbering.marker(style.numbering) if text.strip() else ""
        if not style.is_contents:
            yield from _split_pages(marker + text, style)
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            yield from self._blocks(box)
        if properties is not None and _ends_page(properties.find(f"{W}sectPr")):
            yield None

    def _inline(self, parent: _Element) -> Iterator[str]:
        """Yield the pieces of text that a paragraph shows."""
        for child in parent:
            tag = child.tag
            if tag == f"{W}t" or tag == f"{_M}t":
                yield child.text or ""
            elif tag in _TEXT:
                yield _TEXT[tag]
            elif tag == f"{W}br":
                yield PAGE_BREAK if child.get(f"{W}type") == "page" else "\n"
            elif tag == f"{W}r":
                yield from () if _is_hidden(child) else self._inline(child)
            elif tag in _UNSEEN:
                self.deletions += tag in _DELETED
            elif tag in _DRAWN:
                self._boxes.extend(_text_boxes(child))
            elif tag == f"{W}sdt":
                yield from self._inline(_content(child))
            elif tag == f"{_MC}AlternateContent":
                yield from self._inline(_first_choice(child))
            else:
                yield from self._other(child)

    def _other(self, child: _Element) -> Iterator[str]:
        tag = child.tag
        if tag in _NOTES:
            yield self._note(_NOTES[tag], child.get(f"{W}id", ""))
        elif tag == f"{W}commentReference":
            self.comments += 1
        elif tag == f"{W}sym":
            yield _symbol(child.get(f"{W}char", ""))
        elif isinstance(tag, str):
            yield from self._inline(child)

    def _note(self, kind: str, identifier: str) -> str:
        """Return the number sign of a note, and queue the note for the end of its page."""
        text = self.notes.get((kind, identifier))
        if text is None:
            return ""
        number = self._noted.get(kind, 0) + 1
        self._noted[kind] = number
        sign = f"[{number if kind == 'footnote' else roman(number)}]"
        self._pending.append(f"{sign} {text}")
        return sign

    def _table(self, table: _Element) -> Iterator[Block | None]:
        rows = [cells for row in _wrapped(table, "tr") if (cells := self._cells(row))]
        is_layout = all(len(cells) == 1 for cells in rows) or (
            len(rows) == 1 and any(cell.find(f"{W}tbl") is not None for cell, _ in rows[0])
        )
        if is_layout:
            for cells in rows:
                for cell, _ in cells:
                    yield from self._blocks(cell)
            return
        names_first = _has_names_first(table, rows)
        yield from table_blocks((list(self._row(cells)) for cells in rows), names_first=names_first)

    def _cells(self, row: _Element) -> list[tuple[_Element, int]]:
        """Return the cells of a row and how many columns each spans; a deleted row has none."""
        properties = row.find(f"{W}trPr")
        if properties is not None and properties.find(f"{W}del") is not None:
            self.deletions += 1
            return []
        return [(cell, _span(cell.find(f"{W}tcPr"))) for cell in _wrapped(row, "tc")]

    def _row(self, cells: Iterable[tuple[_Element, int]]) -> Iterator[str]:
        """Yield one cell per column; a merged cell is in its first column and row."""
        for cell, span in cells:
            yield "" if _continues_above(cell) else self._cell(cell)
            yield from [""] * (span - 1)

    def _cell(self, cell: _Element) -> str:
        texts = [block.text for block in self._blocks(cell) if block is not None]
        return " ".join(text for text in texts if text.strip())


def _split_pages(text: str, style: ParagraphStyle) -> Iterator[Block | None]:
    """Yield a paragraph, cut at each page end inside it."""
    pages = text.split(PAGE_BREAK)
    for number, part in enumerate(pages):
        if number:
            yield None
        if part.strip():
            title = " ".join(part.split())
            yield Block(title, style.level) if style.level else Block(part)


def _wrapped(parent: _Element, name: str) -> Iterator[_Element]:
    """Yield the rows of a table or the cells of a row, whatever element wraps them."""
    for child in parent:
        if child.tag == f"{W}{name}":
            yield child
        elif child.tag == f"{W}sdt":
            yield from _wrapped(_content(child), name)
        elif child.tag in _CONTAINERS:
            yield from _wrapped(child, name)


def _has_names_first(table: _Element, rows: Sequence[Sequence[tuple[_Element, int]]]) -> bool:
    """Return whether the first of two columns is formatted as names, and no row as a header.

    The table's style is asked for a special first column and no special first row, or the first
    cell of each row is in bold and the second one is not.
    """
    if (
        any(len(cells) != 2 for cells in rows)
        or next(table.iter(f"{W}tblHeader"), None) is not None
    ):
        return False
    look = table.find(f"{W}tblPr/{W}tblLook")
    if look is not None and look.get(f"{W}firstColumn") == "1" and look.get(f"{W}firstRow") == "0":
        return True
    return all(_is_bold(name) and not _is_bold(value) for (name, _), (value, _) in rows)


def _is_bold(cell: _Element) -> bool:
    """Return whether all text of a cell is in bold by its own formatting."""
    runs = [run for run in cell.iter(f"{W}r") if "".join(run.itertext(f"{W}t")).strip()]
    marks = [run.find(f"{W}rPr/{W}b") for run in runs]
    return bool(runs) and all(
        mark is not None and mark.get(f"{W}val", "1") not in _OFF for mark in marks
    )


def _span(properties: _Element | None) -> int:
    span = None if properties is None else properties.find(f"{W}gridSpan")
    value = "1" if span is None else span.get(f"{W}val", "1")
    return min(max(int(value), 1), MAX_COLUMNS) if value.isdigit() else 1


def _continues_above(cell: _Element) -> bool:
    """Return whether a cell is merged with the one above it."""
    merge = cell.find(f"{W}tcPr/{W}vMerge")
    return merge is not None and merge.get(f"{W}val", "continue") == "continue"


def _ends_page(section: _Element | None) -> bool:
    if section is None:
        return False
    kind = section.find(f"{W}type")
    return kind is None or kind.get(f"{W}val") in (None, "nextPage", "oddPage", "evenPage")


def _is_hidden(run: _Element) -> bool:
    return is_on(run.find(f"{W}rPr"), "vanish")


def _is_contents(control: _Element) -> bool:
    """Return whether a content control is a table of contents, which repeats the headings."""
    gallery = control.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
    return gallery is not None and gallery.get(f"{W}val") == "Table of Contents"


def _content(control: _Element) -> Iterable[_Element]:
    """Return the content of a content control, without its placeholder text."""
    if is_on(control.find(f"{W}sdtPr"), "showingPlcHdr"):
        return ()
    content = control.find(f"{W}sdtContent")
    return () if content is None else content


def _first_choice(alternatives: _Element) -> list[_Element]:
    """Return the content of the first alternative (`mc:AlternateContent`)."""
    for choice in alternatives:
        if choice.tag in (f"{_MC}Choice", f"{_MC}Fallback"):
            return list(choice)
    return []


def _text_boxes(drawing: _Element) -> Iterator[_Element]:
    """Yield the text boxes of a drawing, each once, without those inside another."""
    waiting = [drawing]
    while waiting:
        element = waiting.pop()
        if element.tag == f"{W}txbxContent":
            yield element
            continue
        inside = (
            _first_choice(element) if element.tag == f"{_MC}AlternateContent" else list(element)
        )
        waiting.extend(reversed(inside))


def _symbol(code: str) -> str:
    try:
        return chr(int(code, 16))
    except ValueError:
        return ""

"""OpenDocument: texts (ODT), spreadsheets (ODS) and presentations (ODP).

Its XML is walked directly: the format states how often a cell or a row is repeated, and libraries
expand that. Comments and tracked deletions are no part of the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.documents.pages import Block, page_of, pages_of
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.archive.zip_file import MEBIBYTE, ZipArchive, open_zip
from functions.read_document.office.odf_styles import (
    DRAW,
    OFFICE,
    PRESENTATION,
    STYLE,
    TABLE,
    OdfStyles,
)
from functions.read_document.office.odf_text import MAX_COLUMNS, OdfWalker, bounded_count, rows_of
from functions.read_document.office.opc import LIMITS, MAX_PART_BYTES, damage_as_input
from functions.read_document.office.safe_xml import parse_xml
from functions.read_document.office.sheets import Cells, check_filled, sheet_pages
from functions.read_document.pages import MARGINS, NOTES, Extract

if TYPE_CHECKING:
    from lxml.etree import _Element

    from chalicelib.contracts.ingest import Page


_MAX_ROWS = 1_048_576


@dataclass(slots=True)
class OdfSheets:
    """Reads sheets, and counts their filled cells and the formulas that have no result."""

    walker: OdfWalker
    filled: int = 0
    without_result: int = 0

    def rows(self, table: _Element) -> Iterator[Cells]:
        """Yield the non-empty rows of a sheet, each as often as it is repeated."""
        for row in rows_of(table):
            cells = self._cells(row)
            if not cells:
                continue
            for _ in range(bounded_count(row.get(f"{TABLE}number-rows-repeated", "1"), _MAX_ROWS)):
                self.filled += len(cells)
                check_filled(self.filled)
                yield cells

    def _cells(self, row: _Element) -> Cells:
        cells: Cells = {}
        column = 0
        for cell in row.iterfind("*"):
            repeated = bounded_count(cell.get(f"{TABLE}number-columns-repeated", "1"), MAX_COLUMNS)
            text = self._text(cell)
            for at in range(column + 1, column + 1 + (repeated if text else 0)):
                cells[at] = text
            column += repeated
            check_filled(self.filled + len(cells))
        return cells

    def _text(self, cell: _Element) -> str:
        kind = cell.get(f"{OFFICE}value-type", "")
        if not kind and cell.get(f"{TABLE}formula"):
            self.without_result += 1
        if kind == "date":
            moment = str(cell.get(f"{OFFICE}date-value", ""))
            return moment.removesuffix("T00:00:00").replace("T", " ")
        value = cell.get(f"{OFFICE}value", "")
        if kind == "float" and value:
            return str(value)
        shown = " ".join(block.text for block in self.walker.blocks(cell))
        return shown or str(value or cell.get(f"{OFFICE}string-value", ""))


_MEDIA_TYPES = "application/vnd.oasis.opendocument."
_MIMETYPE_BYTES = 200
_MANIFEST = "META-INF/manifest.xml"
_MACRO_FOLDERS = ("Basic/", "Scripts/")
_MACRO_LISTS = ("script-lc.xml", "script-lb.xml", "dialog-lc.xml", "dialog-lb.xml")
_NOT_SHOWN = ("date-time", "footer", "header", "page-number", "notes")
"""Placeholder classes whose text repeats on every slide, or is not on the slide itself."""


@dataclass(slots=True)
class _Document:
    """An OpenDocument file: its content, its styles, and counts for the owner's notices."""

    body: _Element
    margins: list[_Element]
    walker: OdfWalker
    hidden: list[str] = field(default_factory=list)
    without_result: int = 0

    def text(self) -> tuple[Page, ...]:
        """Return the pages of a text, separated by explicit page breaks."""
        self.walker.walk(self.body)
        pages = self.walker.pages
        texts = {
            block.text: None for margin in self.margins for block in self.walker.blocks(margin)
        }
        if texts:
            pages[-1] += [Block(MARGINS, 1), *map(Block, texts)]
        while len(pages) > 1 and not pages[-1]:
            pages.pop()
        return pages_of(pages)

    def spreadsheet(self) -> tuple[Page, ...]:
        """Return the sheets, 500 rows per page."""
        sheets = OdfSheets(self.walker)
        pages: list[Page] = []
        for table in self.body.iterfind(f"{TABLE}table"):
            name = table.get(f"{TABLE}name", "")
            if table.get(f"{TABLE}style-name", "") in self.walker.styles.hidden:
                self.hidden.append(name)
            for blocks in sheet_pages(name, sheets.rows(table)):
                pages.append(page_of(len(pages) + 1, blocks))
        self.without_result = sheets.without_result
        return tuple(pages)

    def presentation(self) -> tuple[Page, ...]:
        """Return the slides, one page each."""
        pages: list[Page] = []
        for number, slide in enumerate(self.body.iterfind(f"{DRAW}page"), 1):
            if slide.get(f"{DRAW}style-name", "") in self.walker.styles.hidden:
                self.hidden.append(str(number))
            pages.append(page_of(number, self._slide(slide)))
        return tuple(pages)

    def _slide(self, slide: _Element) -> Iterator[Block]:
        titles = [shape for shape in slide if _class(shape) == "title"]
        for shape in titles:
            yield Block(" ".join(block.text for block in self.walker.blocks(shape)), 1)
        for shape in slide:
            if shape not in titles and _class(shape) not in _NOT_SHOWN:
                yield from self.walker.blocks(shape)
        notes = slide.find(f"{PRESENTATION}notes")
        texts = [
            block
            for shape in ([] if notes is None else notes)
            if _class(shape) == "notes"
            for block in self.walker.blocks(shape)
        ]
        if texts:
            yield Block(NOTES, 2)
            yield from texts

    def notices(self, kind: str) -> Iterator[str]:
        if self.hidden:
            parts = "slides" if kind == "presentation" else "sheets"
            yield f"Hidden {parts} are read as well: {', '.join(self.hidden[:10])}."
        if self.walker.comments:
            yield f"Comments are not read; the document has {self.walker.comments}."
        if self.walker.deletions:
            yield (f"Text that is marked as deleted is not read; places: {self.walker.deletions}.")
        if self.without_result:
            yield (
                "Formulas without a stored result are not read; the workbook has"
                f" {self.without_result:,}. Open it in a spreadsheet program, save it and upload"
                " it again."
            )


def extract(data: bytes) -> Extract:
    """Return the pages of an OpenDocument text, spreadsheet or presentation.

    Raises:
        Unsupported: it is locked, carries macros, or is too large.
        InvalidInput: it is damaged or not safe to read.
    """
    archive = open_zip(data, LIMITS)
    kind = archive.read("mimetype", _MIMETYPE_BYTES).decode("ascii", "replace").strip()
    kind = kind.removeprefix(_MEDIA_TYPES).removesuffix("-template")
    _check_protection(archive)
    with damage_as_input("OpenDocument file"):
        document = _document(archive, kind)
        pages = {
            "text": document.text,
            "spreadsheet": document.spreadsheet,
            "presentation": document.presentation,
        }[kind]()
    return Extract(_MEDIA_TYPES + kind, pages, notices=tuple(document.notices(kind)))


def _check_protection(archive: ZipArchive) -> None:
    if _MANIFEST in archive and b"encryption-data" in archive.read(_MANIFEST, MEBIBYTE):
        raise Unsupported(
            "The file is locked with a password; save it without one, then upload it.", field="file"
        )
    for entry in archive.entries:
        if entry.name.startswith(_MACRO_FOLDERS) and not entry.name.endswith(_MACRO_LISTS):
            raise Unsupported(
                "The file carries macros, which are programs. Save it without them, then upload"
                " that.",
                field="file",
            )


def _document(archive: ZipArchive, kind: str) -> _Document:
    content = parse_xml(archive.read("content.xml", MAX_PART_BYTES), "content.xml")
    roots = [content]
    if "styles.xml" in archive:
        roots.append(parse_xml(archive.read("styles.xml", MAX_PART_BYTES), "styles.xml"))
    body = content.find(f"{OFFICE}body/{OFFICE}{kind}")
    if body is None:
        raise InvalidInput(f"The file is damaged: it holds no {kind}.", field="file")
    margins = [
        margin for root in roots[1:] for margin in root.iter(f"{STYLE}header", f"{STYLE}footer")
    ]
    return _Document(body, margins, OdfWalker(OdfStyles.of(roots)))


def _class(shape: _Element) -> str:
    """Return the presentation class of a shape on a slide; an element marks notes."""
    if shape.tag == f"{PRESENTATION}notes":
        return "notes"
    return str(shape.get(f"{PRESENTATION}class", ""))

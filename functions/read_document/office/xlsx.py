"""XLSX: one page per sheet and 500 rows, with the values that the program stored.

Sheets are read as a stream, row by row. A sheet may claim a million rows of 16,384 columns: empty
ones cost nothing. openpyxl distinguishes dates from numbers and converts them; its own objects are
not built, as each of its cells and styles takes hundreds of bytes. Elements are those of ECMA-376
part 1, 18.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.documents.pages import page_of
from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.archive.zip_file import MEBIBYTE, ZipArchive, open_zip
from functions.read_document.office.opc import LIMITS, damage_as_input, relations
from functions.read_document.office.safe_xml import ended_elements, forget, parse_xml
from functions.read_document.office.sheets import Cells, check_filled, sheet_pages
from functions.read_document.office.xlsx_cells import CellFormats, CellValues, S, texts_of
from functions.read_document.pages import Extract

if TYPE_CHECKING:
    from lxml.etree import _Element

    from chalicelib.contracts.ingest import Page

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_STRINGS_BYTES = 96 * MEBIBYTE
MAX_PART_BYTES = 16 * MEBIBYTE
MAX_COLUMNS = 16_384
_MAX_ROW_ELEMENTS = 16 * MAX_COLUMNS

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_CELL = re.compile(r"([A-Z]{1,3})[0-9]{1,7}$")


@dataclass(frozen=True, slots=True)
class _SheetEntry:
    name: str
    part: str
    hidden: bool


@dataclass(slots=True)
class _WorkbookReader:
    """Reads the sheets of a workbook, and counts content for its notices."""

    archive: ZipArchive
    values: CellValues
    sheets: list[_SheetEntry] = field(default_factory=list)
    charts: int = 0
    filled: int = 0
    without_result: int = 0

    def rows(self, sheet: _SheetEntry) -> Iterator[Cells]:
        """Yield the non-empty rows of a sheet."""
        elements = 0
        pieces = self.archive.stream(self.archive.entry(sheet.part))
        for element in ended_elements(pieces, sheet.part):
            elements += 1
            if elements > _MAX_ROW_ELEMENTS:
                raise InvalidInput("The XLSX is damaged: a row never ends.", field="file")
            if element.tag == f"{S}row":
                cells = self._row(element)
                forget(element)
                elements = 0
                if cells:
                    yield cells
            elif element.tag == f"{S}sheetData":
                return

    def _row(self, row: _Element) -> Cells:
        cells: Cells = {}
        column = 0
        for cell in row.iterfind(f"{S}c"):
            column = _column(cell.get("r"), column)
            if cell.find(f"{S}f") is not None and _has_no_result(cell):
                self.without_result += 1
            text = self.values.text(cell).strip()
            if text:
                cells[column] = text
        self.filled += len(cells)
        check_filled(self.filled)
        return cells

    def notices(self) -> Iterator[str]:
        hidden = [sheet.name for sheet in self.sheets if sheet.hidden]
        if hidden:
            yield f"Hidden sheets are read as well: {', '.join(hidden[:10])}."
        if self.without_result:
            yield (
                "Formulas without a stored result are not read; the workbook has"
                f" {self.without_result:,}. Open it in a spreadsheet program, save it and upload it"
                " again."
            )
        if self.charts:
            yield f"Sheets that are a chart are not read; the workbook has {self.charts}."


def extract(data: bytes) -> Extract:
    """Return the sheets of an XLSX.

    Raises:
        Unsupported: it is too large.
        InvalidInput: it is damaged or not safe to read.
    """
    pages: list[Page] = []
    with damage_as_input("XLSX"):
        workbook = _workbook(open_zip(data, LIMITS))
        for sheet in workbook.sheets:
            for blocks in sheet_pages(sheet.name, workbook.rows(sheet)):
                pages.append(page_of(len(pages) + 1, blocks))
    return Extract(MEDIA_TYPE, tuple(pages), notices=tuple(workbook.notices()))


def _workbook(archive: ZipArchive) -> _WorkbookReader:
    kinds = dict(relations(archive, "").values())
    main = kinds.get("officeDocument", "")
    if not main:
        raise InvalidInput("The XLSX is damaged: it names no workbook.", field="file")
    root = parse_xml(archive.read(main, MAX_PART_BYTES), main)
    parts = relations(archive, main)
    of_kind = dict(parts.values())
    properties = root.find(f"{S}workbookPr")
    values = CellValues(
        strings=_strings(archive, of_kind.get("sharedStrings", "")),
        formats=_formats(archive, of_kind.get("styles", "")),
        since_1904=properties is not None and properties.get("date1904") in ("1", "true"),
    )
    workbook = _WorkbookReader(archive, values)
    for sheet in root.iterfind(f"{S}sheets/{S}sheet"):
        kind, part = parts.get(sheet.get(f"{_R}id", ""), ("", ""))
        workbook.charts += kind == "chartsheet"
        if kind == "worksheet" and part in archive:
            hidden = sheet.get("state", "visible") != "visible"
            workbook.sheets.append(_SheetEntry(sheet.get("name", ""), part, hidden))
    return workbook


def _strings(archive: ZipArchive, part: str) -> list[str]:
    """Return the strings that cells share."""
    if part not in archive:
        return []
    entry = archive.entry(part)
    if entry.size > MAX_STRINGS_BYTES:
        raise Unsupported(
            f"The text of the workbook unpacks to more than {MAX_STRINGS_BYTES // MEBIBYTE} MiB;"
            " split it into several, or save it as CSV.",
            field="file",
            limit=str(MAX_STRINGS_BYTES),
        )
    strings: list[str] = []
    elements = 0
    for element in ended_elements(archive.stream(entry), part):
        elements += 1
        if elements > _MAX_ROW_ELEMENTS:
            raise InvalidInput("The XLSX is damaged: a text never ends.", field="file")
        if element.tag == f"{S}si":
            strings.append(texts_of(element))
            forget(element)
            elements = 0
    return strings


def _formats(archive: ZipArchive, part: str) -> CellFormats:
    if part not in archive:
        return CellFormats()
    return CellFormats.of(parse_xml(archive.read(part, MAX_PART_BYTES), part))


def _column(reference: str | None, last: int) -> int:
    """Return the number of a cell's column.

    A cell without a reference is in the column after that of the cell before it.
    """
    if reference is None:
        return last + 1
    match = _CELL.match(reference)
    column = 0
    for letter in match.group(1) if match else "":
        column = column * 26 + ord(letter) - ord("A") + 1
    if not 0 < column <= MAX_COLUMNS:
        raise InvalidInput(f"The XLSX is damaged: it has a cell {reference!r}.", field="file")
    return column


def _has_no_result(cell: _Element) -> bool:
    """Return whether a formula was stored without a result, which may also be empty text."""
    return not cell.findtext(f"{S}v") and cell.get("t") not in ("str", "inlineStr")

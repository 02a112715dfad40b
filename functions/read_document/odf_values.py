"""The rows of an OpenDocument spreadsheet: what its cells show, dates as ISO 8601."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.read_document.odf_styles import OFFICE, TABLE
from functions.read_document.odf_text import MAX_COLUMNS, OdfWalker, claimed, rows_of
from functions.read_document.sheets import Cells, check_filled

if TYPE_CHECKING:
    from lxml.etree import _Element

_MAX_ROWS = 1_048_576


@dataclass(slots=True)
class OdfSheets:
    """Reads sheets, and counts their filled cells and the formulas that have no result."""

    walker: OdfWalker
    filled: int = 0
    without_result: int = 0

    def rows(self, table: _Element) -> Iterator[Cells]:
        """Yield the rows of a sheet that are not empty, each as often as it is repeated."""
        for row in rows_of(table):
            cells = self._cells(row)
            if not cells:
                continue
            for _ in range(claimed(row.get(f"{TABLE}number-rows-repeated", "1"), _MAX_ROWS)):
                self.filled += len(cells)
                check_filled(self.filled)
                yield cells

    def _cells(self, row: _Element) -> Cells:
        cells: Cells = {}
        column = 0
        for cell in row.iterfind("*"):
            repeated = claimed(cell.get(f"{TABLE}number-columns-repeated", "1"), MAX_COLUMNS)
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

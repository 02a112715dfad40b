"""Tables of rows over any number of pages, with what stands between rows in real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from models.datasets.business_documents.concepts import concepts
from models.datasets.business_documents.pen import LIST, Pen
from models.datasets.business_documents.sheet import LEADING, Align, plain

_TEXTS = frozenset(("description", "details", "milestone"))
_GAP = 8.0
_LEAST_TEXT = 120.0


@dataclass(frozen=True, slots=True)
class TableDesign:
    """How a table looks. `summed` is the concept whose sums are carried from page to page.

    `lines` are around all cells, between rows, below the header, or none. `bare` amounts have no
    currency. `last_line` sets the numbers of a row beside the last line of its text. `numbers` is
    how numbers stand in their columns. `below` are columns without a place of their own: they stand
    in a line below the first text. Every `group` rows a title stands across, and `subtotals` end
    these rows.
    """

    lines: Literal["all", "rows", "header", "none"] = "rows"
    repeated: bool = True
    carried: Literal["", "carried", "subtotal"] = ""
    summed: str = "amount"
    shaded: bool = False
    grey_header: bool = False
    bare: bool = True
    last_line: bool = False
    spacing: float = 4.0
    headed: bool = True
    numbers: Align = "R"
    gap: float = _GAP
    below: tuple[str, ...] = ()
    group: int = 0
    subtotals: bool = False


class ItemTable:
    """Draws the rows of a document, page after page; columns that do not fit are left out."""

    def __init__(self, pen: Pen, names: Sequence[str], design: TableDesign) -> None:
        self._pen = pen
        self._design = design
        self._widths = _widths(pen, names, design)
        self._below = next((name for name in self._widths if name in _TEXTS), "")
        self._sum = Decimal(0)
        self._group_sum = Decimal(0)
        self._page_sum = Decimal(0)

    def draw(self) -> None:
        """Draw all rows, and go below them."""
        pen = self._pen
        if self._design.headed:
            self._header()
        for at, row in enumerate(pen.facts.rows):
            lines = self._lines(at)
            height = LEADING * pen.size * max(map(len, lines.values())) + self._design.spacing
            if pen.y + height > pen.bottom:
                self._break()
            if self._design.group and at % self._design.group == 0:
                self._group(at)
            self._row(at, lines, height)
            if self._design.summed in row:
                value = Decimal(str(row[self._design.summed].value))
                self._sum += value
                self._page_sum += value
                self._group_sum += value
        if self._design.carried == "subtotal" and pen.sheet.page > 1:
            self._sum_row("page_subtotal", self._page_sum)
        pen.y += 8

    def _group(self, at: int) -> None:
        """End the rows of a group with their sum, and begin the next with a title."""
        pen = self._pen
        if at and self._design.subtotals:
            self._sum_row("page_subtotal", self._group_sum)
        self._group_sum = Decimal(0)
        title = f"{pen.facts.phrase('entries')} {1 + at // self._design.group}"
        pen.sheet.write(pen.left + _GAP / 2, pen.y + 2, title, size=pen.size, style="B")
        pen.y += LEADING * pen.size + 4

    def _lines(self, at: int) -> Mapping[str, list[list[tuple[str, str | None]]]]:
        pen = self._pen
        row = pen.facts.rows[at]
        found = {}
        for name, width in self._widths.items():
            pieces = pen.cell(at, row, name, bare=self._design.bare)
            if name in _TEXTS:
                found[name] = pen.sheet.wrap(pieces, width - _GAP, pen.size)
            else:
                found[name] = [list(pieces)]
        below = [pen.cell(at, row, name, bare=self._design.bare) for name in self._design.below]
        if self._below and any(below):
            line = [piece for each in below if each for piece in (("  ", None), *each)][1:]
            found[self._below] = [*found[self._below], line]
        return found

    def _row(
        self, at: int, lines: Mapping[str, list[list[tuple[str, str | None]]]], height: float
    ) -> None:
        pen, x = self._pen, self._pen.left
        if self._design.shaded and at % 2:
            pen.sheet.box(x, pen.y, pen.width, height, grey=238)
        top = pen.y + self._design.spacing / 2
        deepest = max(map(len, lines.values()))
        for name, width in self._widths.items():
            cell = lines[name]
            if name in _TEXTS:
                pieces = [piece for line in cell for piece in (*line, ("\n", None))][:-1]
                pen.sheet.paragraph(x + _GAP / 2, top, width, pieces, size=pen.size)
            elif plain(cell[0]):
                down = deepest - 1 if self._design.last_line else 0
                self._cell(x, top + down * LEADING * pen.size, width, name, cell[0])
            if self._design.lines == "all":
                pen.sheet.box(x, pen.y, width, height)
            x += width
        pen.y += height
        if self._design.lines == "rows":
            pen.sheet.rule(pen.left, pen.y, pen.right, pen.y, 0.3)

    def _cell(
        self,
        x: float,
        y: float,
        width: float,
        name: str,
        pieces: Sequence[tuple[str, str | None]],
        style: str = "",
    ) -> None:
        align = alignment(name)
        if align == "R" and self._design.numbers != "R":
            align = self._design.numbers
        at = {"L": x + _GAP / 2, "C": x + width / 2, "R": x + width - _GAP / 2}[align]
        self._pen.sheet.write(at, y, pieces, size=self._pen.size, align=align, style=style)

    def _header(self) -> None:
        pen, x = self._pen, self._pen.left
        heads = {
            name: pen.sheet.wrap(
                ((pen.label(_LABELS.get(name, name)), None),), width - _GAP, pen.size, "B"
            )
            for name, width in self._widths.items()
        }
        height = LEADING * pen.size * max(map(len, heads.values())) + 6
        if self._design.grey_header:
            pen.sheet.box(x, pen.y, pen.width, height, grey=215)
        for name, width in self._widths.items():
            for down, line in enumerate(heads[name]):
                top = pen.y + 3 + down * LEADING * pen.size
                self._cell(x, top, width, name, line, "B")
            if self._design.lines == "all":
                pen.sheet.box(x, pen.y, width, height)
            x += width
        pen.y += height
        if self._design.lines in ("rows", "header"):
            pen.sheet.rule(pen.left, pen.y, pen.right, pen.y, 0.8)

    def _break(self) -> None:
        pen = self._pen
        if self._design.carried == "carried":
            self._sum_row("carried", self._sum)
        elif self._design.carried == "subtotal":
            self._sum_row("page_subtotal", self._page_sum)
        self._page_sum = Decimal(0)
        pen.y = 50
        pen.sheet.add_page()
        if self._design.repeated and self._design.headed:
            self._header()
        if self._design.carried == "carried":
            self._sum_row("brought", self._sum)

    def _sum_row(self, concept: str, total: Decimal) -> None:
        """Draw a row that is none of the list: a sum between pages."""
        pen = self._pen
        pen.sheet.write(
            pen.left + _GAP / 2, pen.y + 2, pen.label(concept), size=pen.size, style="I"
        )
        raw = pen.facts.style.number(total)
        pen.sheet.write(pen.right - _GAP / 2, pen.y + 2, raw, size=pen.size, style="I", align="R")
        pen.y += LEADING * pen.size + 4


_LABELS = {
    "milestone_date": "due_date",
    "milestone_amount": "amount",
    "entry_amount": "amount",
}
"""Concepts of cells that are called as another is."""


def alignment(concept: str) -> Align:
    """Return how cells of a concept stand."""
    return "R" if concepts()[concept].kind in ("money", "number", "percent") else "L"


def _widths(pen: Pen, names: Sequence[str], design: TableDesign) -> dict[str, float]:
    """Return the widths of the columns that fit, each as wide as its widest cell."""
    widest: dict[str, float] = {}
    for name in names:
        label = pen.label(_LABELS.get(name, name))
        words = label.split(" ") if design.headed else [""]
        least = max(pen.sheet.measure(word, pen.size, "B") for word in words)
        if name not in _TEXTS:
            for at, row in enumerate(pen.facts.rows):
                text = plain(pen.cell(at, row, name, bare=design.bare))
                least = max(least, pen.sheet.measure(text, pen.size))
        widest[name] = least + design.gap + 1
    texts = [name for name in names if name in _TEXTS]
    for name in ("unit", "line_tax", "value_date", "reference", "position", "sku", "quantity"):
        others = sum(width for each, width in widest.items() if each not in _TEXTS)
        if pen.width - others >= min(_LEAST_TEXT, pen.width / 2.5) * len(texts):
            break
        widest.pop(name, None)
    others = sum(width for each, width in widest.items() if each not in _TEXTS)
    for name in texts:
        widest[name] = (pen.width - others) / len(texts)
    return widest


def cell_mark(at: int, concept: str) -> str:
    """Return the mark of a cell."""
    return f"{LIST}/{at}/{concept}"

"""Tables of HTML pages: which hold data, which only lay out a page, and what stands where."""

from __future__ import annotations

from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from functions.read_document.pages import Block
from functions.read_document.tables import table_blocks

MAX_COLUMN_SPAN = 100
MAX_ROW_SPAN = 1_000
MAX_SPANNED = 100_000
"""So many columns may be left empty for cells that span; others are read as if they did not."""
_CELLS = ("td", "th")


@dataclass(slots=True)
class DataTable:
    """Collects the cells of a table. A spanning cell stands in its first column and row."""

    table: LexborNode
    rows: list[list[str]] = field(default_factory=list)
    caption: str = ""
    _row: list[str] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _spanned: dict[int, int] = field(default_factory=dict)
    """By column, how many rows a cell above still covers."""
    _left: int = 0

    def text(self, text: str) -> None:
        self._text.append(text)

    def enter(self, node: LexborNode) -> None:
        """Part what elements part on the screen."""
        self._text.append(" ")
        if node.tag in _CELLS:
            self._fill()
            self._text.clear()

    def leave(self, node: LexborNode) -> None:
        self._text.append(" ")
        if node.tag in _CELLS:
            self._end_cell(node)
        elif node.tag == "caption":
            self.caption = " ".join("".join(self._text).split())
            self._text.clear()
        elif node.tag == "tr":
            self._fill()
            self.rows.append(self._row)
            self._row = []

    def blocks(self) -> list[Block]:
        """Return the caption and the table; one of a single column is paragraphs."""
        caption = [Block(self.caption)] if self.caption else []
        if max(map(len, self.rows), default=0) < 2:
            return caption + [Block(text) for row in self.rows for text in row if text]
        return caption + table_blocks(self.rows)

    def _end_cell(self, node: LexborNode) -> None:
        columns = _claimed(node.attributes.get("colspan"), MAX_COLUMN_SPAN)
        rows = _claimed(node.attributes.get("rowspan"), MAX_ROW_SPAN)
        self._left += columns - 1
        if self._left > MAX_SPANNED:
            columns = 1
        for at in range(len(self._row), len(self._row) + columns):
            if rows > 1:
                self._spanned[at] = rows - 1
        self._row += [" ".join("".join(self._text).split()), *[""] * (columns - 1)]
        self._text.clear()

    def _fill(self) -> None:
        """Leave the columns empty that a cell above covers."""
        while self._left <= MAX_SPANNED and (left := self._spanned.get(len(self._row), 0)) > 0:
            self._spanned[len(self._row)] = left - 1
            self._row.append("")
            self._left += 1


def holds_data(table: LexborNode) -> bool:
    """Tell whether a table holds data: two rows or more, and no table within it."""
    waiting = [table.child]
    rows = 0
    while waiting:
        node = waiting.pop()
        while node is not None:
            if node.tag == "table":
                return False
            rows += node.tag == "tr"
            waiting.append(node.child)
            node = node.next
    return rows > 1


def _claimed(text: str | None, limit: int) -> int:
    """Return a positive number that a page claims, however huge, as `limit` at most."""
    value = text or ""
    return min(max(int(value), 1), limit) if value.isdecimal() and len(value) < 20 else 1

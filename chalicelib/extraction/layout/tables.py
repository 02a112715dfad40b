"""The tables of a document, each joined over the pages that it covers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span


class RowKind(StrEnum):
    """The part that a row has in its table.

    A `SUMMARY` is a subtotal, a total, or an amount that is carried from page to page; a `NOTE` is
    text between the rows that stands in no column, such as the title of a group.
    """

    HEADER = "header"
    DATA = "data"
    SUMMARY = "summary"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class TableCell:
    """The text of a cell, and its pieces from the first: it may be wrapped, even to a new page."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row that begins on `page`: a cell or None for each column of the table.

    A `NOTE` has all its text in its first cell.
    """

    page: int
    kind: RowKind
    cells: tuple[TableCell | None, ...]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its title, None if it has none, and from where to where its cells stand."""

    title: TableCell | None
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class TableExtent:
    """The part of a page, from `top` to `bottom`, that a table fills."""

    page: int
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class LayoutTable:
    """A table with all lines that stand within its extents, in the order of reading."""

    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    extents: tuple[TableExtent, ...]

    @property
    def pages(self) -> tuple[int, ...]:
        """Return the numbers of the pages that the table covers."""
        return tuple(dict.fromkeys(extent.page for extent in self.extents))

    @property
    def data(self) -> tuple[TableRow, ...]:
        """Return the rows that are neither header, summary nor note."""
        return tuple(row for row in self.rows if row.kind is RowKind.DATA)

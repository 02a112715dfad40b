"""The rows of a list, read completely or with the places where they are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span


class ColumnSimilarity(Protocol):
    """How alike the names of a column and a title in a document are, from 0 to 1."""

    def similarity(self, names: tuple[str, ...], label: str) -> float:
        """Return 1 for names that mean the same as the label, and 0 for unrelated ones."""


@dataclass(frozen=True, slots=True)
class ListCell:
    """The text that a cell of a list was read from, and its pieces in the document.

    The first span is that of the value, where the cell has one piece.
    """

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ListDifference:
    """A place where the rows of a list are not certain to be complete, and why."""

    page: int
    reason: str


@dataclass(frozen=True, slots=True)
class ListReading:
    """The rows of a list: a cell or None for each column of the schema, in its order.

    `counted` is the number of rows by a second way, which does not use these rows. A list is
    `complete` if both agree and there are no `differences`. `titles` are those of the columns in
    the document, "" where one has no title or was not found.
    """

    rows: tuple[tuple[ListCell | None, ...], ...]
    counted: int
    titles: tuple[str, ...] = ()
    differences: tuple[ListDifference, ...] = ()

    @property
    def complete(self) -> bool:
        """Return whether every row of the list is known to be there."""
        return self.counted == len(self.rows) and not self.differences

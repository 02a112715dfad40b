"""Subtotals, totals and carried amounts of a list, known by what they add up to.

A row is not one of the list if a number in it is the sum of the rows above it, an amount that the
page before ended with, or the balance that the next row goes on from. No word tells, in any
language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.layout.tables import RowKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.extraction.layout.tables import TableRow

_CENT = Decimal("0.01")
MIN_ROWS = 2
"""Rows whose sum tells a total, at least; a row with every cell filled needs one more."""
_MANY = 3
"""Columns that are all sums of a part of the rows by no chance."""
_SURE_DIGITS = 3
"""Digits of a number that is no sum of others by chance."""


@dataclass(slots=True)
class RunningSums:
    """The numbers of a column as far as it was read."""

    since_start: Decimal = Decimal(0)
    since_summary: Decimal = Decimal(0)
    rows: int = 0
    rows_since_summary: int = 0
    last: Decimal | None = None
    last_summary: Decimal | None = None

    def add(self, number: Decimal) -> None:
        """Add the number of a row."""
        self.since_start += number
        self.since_summary += number
        self.rows += 1
        self.rows_since_summary += 1
        self.last = number

    def close(self, number: Decimal | None) -> None:
        """Begin anew behind a summary, which may have a number in this column."""
        self.since_summary = Decimal(0)
        self.rows_since_summary = 0
        if number is not None:
            self.last_summary = number

    def explains(self, number: Decimal, min_rows: int) -> bool:
        """Return whether a number is a sum of rows, or was carried over."""
        if self.rows >= min_rows and _equal(number, self.since_start):
            return True
        if self.rows_since_summary >= min_rows and _equal(number, self.since_summary):
            return True
        carried = (self.last_summary, self.last if self.rows >= min_rows else None)
        return any(other is not None and _equal(number, other) for other in carried)


@dataclass(slots=True)
class SummaryCheck:
    """Tells the summaries among the rows of a table, in their order.

    Args:
        number: Returns the number in the cell of a row and a column, or None.
        columns: The columns of numbers.
        key: The columns that almost every row fills; a summary lacks half of them.
    """

    number: Callable[[TableRow, int], Decimal | None]
    columns: Sequence[int]
    key: frozenset[int]
    _sums: dict[int, RunningSums] = field(default_factory=dict)

    def is_summary(self, row: TableRow, following: TableRow | None, *, at_edge: bool) -> bool:
        """Return whether the numbers of a row are explained by other rows; take the row in.

        Args:
            row: The next row.
            following: The row behind it, None of the last one.
            at_edge: Whether it is the first or last of a page.
        """
        numbers = {
            at: number for at in self.columns if (number := self.number(row, at)) is not None
        }
        lacks = 2 * sum(row.cells[at] is None for at in self.key) >= max(1, len(self.key))
        explained = bool(numbers) and self._explains(numbers, following, lacks, at_edge)
        if row.kind is RowKind.SUMMARY or explained:
            for at in self.columns:
                self._of(at).close(numbers.get(at))
        else:
            for at, number in numbers.items():
                self._of(at).add(number)
        return explained

    def _explains(
        self,
        numbers: dict[int, Decimal],
        following: TableRow | None,
        lacks: bool,
        at_edge: bool,
    ) -> bool:
        if not lacks:
            may_be_part = at_edge or len(numbers) >= _MANY
            return all(self._is_total(at, number, may_be_part) for at, number in numbers.items())
        for at, number in numbers.items():
            if self._of(at).explains(number, MIN_ROWS) or self._is_sum_of_another(at, number):
                return True
            if following is not None and self._goes_on(at, number, following):
                return True
        return False

    def _is_sum_of_another(self, at: int, number: Decimal) -> bool:
        """Return whether a number is the sum of a column that it does not stand in."""
        if len(number.as_tuple().digits) <= _SURE_DIGITS:
            return False
        others = [self._of(other) for other in self.columns if other != at]
        return any(
            each.rows_since_summary > MIN_ROWS
            and (_equal(number, each.since_start) or _equal(number, each.since_summary))
            for each in others
        )

    def _is_total(self, at: int, number: Decimal, may_be_part: bool) -> bool:
        """Return whether the number of a full row is the sum of all rows, or of a part of them.

        The rows since the last total are a part at the end of a page, or if many columns say so.
        Few digits may be a sum by chance, and so may be few rows.
        """
        sums = self._of(at)
        digits = len(number.as_tuple().digits)
        if sums.rows < MIN_ROWS or digits < _SURE_DIGITS + (sums.rows == MIN_ROWS):
            return False
        of_part = may_be_part and sums.rows_since_summary > MIN_ROWS
        return _equal(number, sums.since_start) or (of_part and _equal(number, sums.since_summary))

    def _goes_on(self, at: int, number: Decimal, following: TableRow) -> bool:
        """Return whether the next row has the balance that follows from this one."""
        balance = self.number(following, at)
        if balance is None:
            return False
        changes = [
            change
            for other in self.columns
            if other != at and (change := self.number(following, other)) is not None
        ]
        return any(_equal(abs(balance - number), abs(change)) for change in changes)

    def _of(self, column: int) -> RunningSums:
        return self._sums.setdefault(column, RunningSums())


def number_columns(rows: Sequence[TableRow], width: int) -> list[int]:
    """Return the columns of which most cells are numbers, of the given rows."""
    columns: list[int] = []
    for at in range(width):
        texts = [cell.text for row in rows if (cell := row.cells[at]) is not None]
        if texts and 2 * sum(map(is_number, texts)) > len(texts):
            columns.append(at)
    return columns


def _equal(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= _CENT

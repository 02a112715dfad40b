"""Roles of columns by arithmetic: a product and its factors, or a running balance.

Titles are written in the language of the document and keys of a schema often in another. Numbers
say in any language which column is the total of a row; its role has a name that the names of the
schema can be compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.extraction.layout.tables import TableRow

QUANTITY = ("quantity",)
UNIT_PRICE = ("unit price",)
PRODUCT = ("line total", "total amount")
BALANCE = ("running balance",)
NUMBERING = ("line number", "position number")

_SAMPLE = 60
_MIN_ROWS = 2
_MOST = 0.8
"""Share of the rows in which the numbers of columns must agree."""
_ROUNDING = Decimal("0.011")
_TRIVIAL = 0.5
"""Share of the rows with a factor of 1, above which a product tells nothing."""

Number = Callable[[str], Decimal | None]
"""Returns the number that a text is, None if it is another text."""


def column_roles(
    rows: Sequence[TableRow], width: int, number: Number
) -> dict[int, tuple[str, ...]]:
    """Return the names of the roles of those columns of a table whose numbers tell one.

    Args:
        rows: The rows of data.
        width: The number of columns.
        number: Reads the number of a cell.
    """
    first = rows[:_SAMPLE]
    columns = {
        at: [number(cell.text) if (cell := row.cells[at]) else None for row in first]
        for at in range(width)
    }
    numeric = {
        at: numbers
        for at, numbers in columns.items()
        if sum(each is not None for each in numbers) >= _MIN_ROWS
    }
    roles = _products(numeric)
    for at, numbers in numeric.items():
        if at not in roles and _is_numbering(numbers, len(first)):
            roles[at] = NUMBERING
    for at in numeric:
        if at not in roles and _is_balance(at, numeric):
            roles[at] = BALANCE
    return roles


def _is_numbering(numbers: Sequence[Decimal | None], rows: int) -> bool:
    return rows > _MIN_ROWS and list(numbers) == [Decimal(n) for n in range(1, rows + 1)]


def _products(columns: dict[int, list[Decimal | None]]) -> dict[int, tuple[str, ...]]:
    """Return the roles of a column that is the product of two others, and of these."""
    for total in sorted(columns, reverse=True):
        others = [at for at in columns if at != total]
        for one, other in combinations(others, 2):
            rows = [
                (a, b, c)
                for a, b, c in zip(columns[one], columns[other], columns[total], strict=True)
                if a is not None and b is not None and c is not None
            ]
            if len(rows) < _MIN_ROWS:
                continue
            hold = sum(
                abs(abs(a * b) - abs(c)) <= _ROUNDING * max(Decimal(1), abs(a)) for a, b, c in rows
            )
            trivial = sum(1 in (a, b) for a, b, _ in rows)
            if hold >= _MOST * len(rows) and trivial <= _TRIVIAL * len(rows):
                price = max((one, other), key=lambda at: (_decimals(columns[at]), at))
                quantity = one if price == other else other
                return {total: PRODUCT, price: UNIT_PRICE, quantity: QUANTITY}
    return {}


def _decimals(numbers: Sequence[Decimal | None]) -> int:
    """Return the digits behind the decimal mark, of all numbers together."""
    exponents = [each.as_tuple().exponent for each in numbers if each is not None]
    return sum(-each for each in exponents if isinstance(each, int) and each < 0)


def _is_balance(at: int, columns: dict[int, list[Decimal | None]]) -> bool:
    """Return whether the steps of a column are the numbers of the others."""
    numbers = columns[at]
    steps = hold = 0
    for row, (before, after) in enumerate(pairwise(numbers), 1):
        if before is None or after is None or before == after:
            continue
        steps += 1
        step = abs(after - before)
        changes = [
            change
            for other, others in columns.items()
            if other != at
            for change in (others[row], others[row - 1])
            if change is not None
        ]
        hold += any(abs(step - abs(change)) <= _ROUNDING for change in changes)
    return steps >= _MIN_ROWS and hold >= _MOST * steps

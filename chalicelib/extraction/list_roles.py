"""Roles of columns by arithmetic: a product and its factors, a running balance and what changes it.

Titles are written in the language of the document and keys of a schema often in another. Numbers
say in any language which column is the total of a row; its role has a name that the names of the
schema can be compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.extraction.layout.tables import TableRow


class ColumnRole(Enum):
    """The role of a column in its table, such as a price; the value has names of such columns."""

    NUMBERING = ("line number", "position number")
    QUANTITY = ("quantity",)
    UNIT_PRICE = ("unit price",)
    PRODUCT = ("line total", "total amount")
    BALANCE = ("running balance", "balance")
    DEBIT = ("debit", "withdrawal", "paid out")
    CREDIT = ("credit", "deposit", "paid in")
    CHANGE = ("amount", "transaction amount")
    RATE = ("tax rate", "percent")
    DESCRIPTION = ("description", "details")
    CODE = ("article number", "reference", "item code")
    MEASURE = ("unit of measure",)
    DAY = ("date", "booking date")
    LATER_DAY = ("value date",)


Roles = Mapping[int, ColumnRole]
Numbers = Sequence[Decimal | None]
Number = Callable[[str], Decimal | None]
"""Returns the number that a text is, None if it is another text."""

_SAMPLE = 60
_MIN_ROWS = 2
_MOST = 0.8
"""Share of the rows in which the numbers of columns must agree."""
_ROUNDING = Decimal("0.011")
_TRIVIAL = 0.5
"""Share of the rows with a factor of 1, above which a product tells nothing."""
_MAX_NUMERIC = 12
"""Columns of numbers that are multiplied with each other, at most."""


def numbers_of(rows: Sequence[TableRow], width: int, number: Number) -> dict[int, Numbers]:
    """Return the numbers in the first rows of those columns of a table that have some."""
    first = rows[:_SAMPLE]
    columns = {
        at: [number(cell.text) if (cell := row.cells[at]) else None for row in first]
        for at in range(width)
    }
    return {
        at: numbers
        for at, numbers in columns.items()
        if sum(each is not None for each in numbers) >= _MIN_ROWS
    }


def column_roles(numeric: Mapping[int, Numbers]) -> Roles:
    """Return the roles of those columns whose numbers tell one, by the numbers of `numbers_of`."""
    roles = dict(_products({at: numeric[at] for at in list(numeric)[-_MAX_NUMERIC:]}))
    for at, numbers in numeric.items():
        if at not in roles and _is_numbering(numbers):
            roles[at] = ColumnRole.NUMBERING
    for at in numeric:
        if at not in roles and _is_balance(at, numeric):
            roles[at] = ColumnRole.BALANCE
            roles |= {
                other: role for other, role in _changes(numeric, at).items() if other not in roles
            }
            break
    return roles


def opposite_columns(numeric: Mapping[int, Numbers]) -> tuple[int, int] | None:
    """Return two columns of which each row fills exactly one, as debits and credits do."""
    for one, other in combinations(numeric, 2):
        filled = [
            (a is not None) + (b is not None)
            for a, b in zip(numeric[one], numeric[other], strict=True)
        ]
        if filled.count(1) == len(filled) > _MIN_ROWS:
            return one, other
    return None


def _is_numbering(numbers: Numbers) -> bool:
    return len(numbers) > _MIN_ROWS and list(numbers) == [
        Decimal(n) for n in range(1, len(numbers) + 1)
    ]


def _products(columns: Mapping[int, Numbers]) -> Roles:
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
                return {
                    total: ColumnRole.PRODUCT,
                    price: ColumnRole.UNIT_PRICE,
                    quantity: ColumnRole.QUANTITY,
                }
    return {}


def _decimals(numbers: Numbers) -> int:
    """Return the digits behind the decimal mark, of all numbers together."""
    exponents = [each.as_tuple().exponent for each in numbers if each is not None]
    return sum(-each for each in exponents if isinstance(each, int) and each < 0)


def _is_balance(at: int, columns: Mapping[int, Numbers]) -> bool:
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


def _changes(columns: Mapping[int, Numbers], balance: int) -> Roles:
    """Return the roles of the columns that change a balance, in either order of the days."""
    for numbers, late in ((columns[balance], 1), (columns[balance], 0)):
        steps = [
            None
            if before is None or after is None
            else (after - before if late else before - after)
            for before, after in pairwise(numbers)
        ]
        roles: dict[int, ColumnRole] = {}
        explained = 0
        for at, others in columns.items():
            if at == balance:
                continue
            changes = others[1:] if late else others[:-1]
            pairs = [
                (step, change)
                for step, change in zip(steps, changes, strict=True)
                if step and change
            ]
            up = sum(abs(step - change) <= _ROUNDING for step, change in pairs)
            down = sum(abs(step + change) <= _ROUNDING for step, change in pairs)
            if not pairs or up + down < _MOST * len(pairs):
                continue
            explained += up + down
            rises = {step > 0 for step, _ in pairs}
            if len(rises) > 1:
                roles[at] = ColumnRole.CHANGE
            else:
                roles[at] = ColumnRole.CREDIT if rises.pop() else ColumnRole.DEBIT
        if explained >= _MOST * sum(step is not None for step in steps):
            return roles
    return {}

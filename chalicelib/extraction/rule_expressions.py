"""The expressions that rules over extracted values are made of, and what they evaluate to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

from chalicelib.extraction.rule_arithmetic import (
    AGGREGATES,
    ARITHMETIC,
    DECIMALS,
    Operand,
    finite,
)

Values = Mapping[str, object]

COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")


@dataclass(frozen=True, slots=True)
class Expression:
    """A node of a rule.

    Attributes:
        operator: "literal", "value", a sign of arithmetic or comparison, or a function's name.
        type: What it evaluates to: number, text, boolean, date, date_time, time or days.
        operands: The expressions it is applied to.
        literal: The value of a literal.
        path: The property names of a value, from the root or, in a list, from the row.
        list_path: The list of which `path` is a column; () outside of lists.
        relative: Whether a comparison's tolerance, its third operand, is a part of the right side.
    """

    operator: str
    type: str
    operands: tuple[Expression, ...] = ()
    literal: Operand | None = None
    path: tuple[str, ...] = ()
    list_path: tuple[str, ...] = ()
    relative: bool = False

    def values(self) -> Iterator[Expression]:
        """Yield the values that it reads, those within functions over lists included."""
        if self.operator in ("value", "rows"):
            yield self
        for operand in self.operands:
            yield from operand.values()

    def aggregates(self) -> Iterator[Expression]:
        """Yield the functions over lists within it."""
        if self.operator in AGGREGATES:
            yield self
        for operand in self.operands:
            yield from operand.aggregates()


def evaluated(
    expression: Expression,
    values: Values,
    row: Values | None = None,
    totals: Mapping[Expression, Operand | None] | None = None,
) -> Operand | None:
    """Return what an expression evaluates to, None if a value that decides it is unknown.

    Args:
        expression: A node that the parser has checked.
        values: The extracted values from the root, nested as in the schema.
        row: The row of the list whose columns are read, if any.
        totals: The functions over lists within it, evaluated before, so that many rows do not each
            evaluate them.
    """
    if expression.operator == "literal":
        return expression.literal
    if expression.operator == "value":
        source = row if expression.list_path else values
        return None if source is None else typed(_at(source, expression.path), expression.type)
    if expression.operator in AGGREGATES:
        if totals is not None and expression in totals:
            return totals[expression]
        return _aggregate(expression, values)
    operands = [evaluated(each, values, row, totals) for each in expression.operands]
    if expression.operator in _LOGIC:
        return _LOGIC[expression.operator](operands)
    if any(each is None for each in operands):
        return None
    known = [each for each in operands if each is not None]
    if expression.operator in COMPARISONS:
        return _compared(expression, known)
    return finite(ARITHMETIC[expression.operator](known))


def typed(value: object, kind: str) -> Operand | None:
    """Return an extracted value as what a rule calculates with, None if it is not of the type."""
    if value is None:
        return None
    if isinstance(value, bool):
        return value if kind == "boolean" else None
    if isinstance(value, int | float | Decimal):
        return finite(Decimal(str(value))) if kind == "number" else None
    text = str(value)
    try:
        if kind == "number":
            return finite(DECIMALS.create_decimal(text))
        if kind == "date":
            return date.fromisoformat(text)
        if kind == "time":
            return time.fromisoformat(text)
        if kind == "date_time":
            return datetime.fromisoformat(text)
    except ValueError:
        return None
    return text if kind == "text" else None


def _at(source: object, path: Sequence[str]) -> object:
    for name in path:
        if not isinstance(source, Mapping):
            return None
        source = source.get(name)
    return source


def rows_of(values: Values, list_path: Sequence[str]) -> list[Values] | None:
    """Return the rows of a list, None if it is unknown. A scalar is a row of the name ""."""
    items = _at(values, list_path)
    if not isinstance(items, list | tuple):
        return None
    return [item if isinstance(item, Mapping) else {"": item} for item in items]


def _aggregate(expression: Expression, values: Values) -> Operand | None:
    """Return a function over the rows of a list; unknown if a row's value is."""
    read = next(expression.values())
    rows = rows_of(values, read.list_path)
    if rows is None:
        return None
    if read.operator == "rows":
        return Decimal(len(rows))
    found = [evaluated(expression.operands[0], values, row) for row in rows]
    if expression.operator == "count":
        return Decimal(sum(each is not None for each in found))
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return None
    try:
        return AGGREGATES[expression.operator](known)
    except TypeError:  # a time with an offset beside one without
        return None


def _compared(expression: Expression, known: list[Operand]) -> bool | None:
    left, right = (_comparable(each) for each in known[:2])
    if len(known) > 2 and isinstance(left, Decimal) and isinstance(right, Decimal):
        tolerance = abs(known[2]) if isinstance(known[2], Decimal) else Decimal(0)
        if expression.relative:
            tolerance = DECIMALS.multiply(tolerance, abs(right))
        gap = DECIMALS.subtract(left, right)
        return _within(expression.operator, gap, tolerance)
    try:
        order = (left > right) - (left < right)  # type: ignore[operator]
    except TypeError:  # a time with an offset beside one without
        return None
    return _within(expression.operator, Decimal(order), Decimal(0))


def _comparable(value: Operand) -> Operand:
    return value.casefold() if isinstance(value, str) else value


def _within(operator: str, gap: Decimal, tolerance: Decimal) -> bool:
    if operator in ("==", "!="):
        return (abs(gap) <= tolerance) is (operator == "==")
    if operator in ("<=", ">="):
        return gap <= tolerance if operator == "<=" else gap >= -tolerance
    return gap < tolerance if operator == "<" else gap > -tolerance


def _all(parts: list[Operand | None]) -> bool | None:
    if any(part is False for part in parts):
        return False
    return None if any(part is None for part in parts) else True


def _any(parts: list[Operand | None]) -> bool | None:
    if any(part is True for part in parts):
        return True
    return None if any(part is None for part in parts) else False


def _not(parts: list[Operand | None]) -> bool | None:
    return None if parts[0] is None else parts[0] is not True


def _if(parts: list[Operand | None]) -> bool | None:
    return _any([_not(parts[:1]), parts[1]])


_LOGIC: Mapping[str, Callable[[list[Operand | None]], bool | None]] = {
    "and": _all,
    "or": _any,
    "not": _not,
    "if": _if,
    "present": lambda parts: parts[0] is not None,
}

"""Arithmetic of rules on exact decimals, dates and days; what has no result is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal

Operand = Decimal | str | bool | date | datetime | time | timedelta
"""Value of an expression; None stands for unknown."""

DECIMALS = Context(prec=50, Emax=10_000, Emin=-10_000, traps=[])
"""Exact for any amount; what overflows or divides by zero is no number, and so unknown."""


def finite(value: Operand | None) -> Operand | None:
    """Return a value, None if it is no finite number."""
    return None if isinstance(value, Decimal) and not value.is_finite() else value


def _sum(known: list[Operand]) -> Operand | None:
    total = Decimal(0)
    for each in known:
        total = DECIMALS.add(total, each) if isinstance(each, Decimal) else total
    return finite(total)


def _least(known: list[Operand]) -> Operand | None:
    return min(known, default=None)


def _greatest(known: list[Operand]) -> Operand | None:
    return max(known, default=None)


def _average(known: list[Operand]) -> Operand | None:
    total = _sum(known)
    if not known or not isinstance(total, Decimal):
        return None
    return finite(DECIMALS.divide(total, Decimal(len(known))))


AGGREGATES: Mapping[str, Callable[[list[Operand]], Operand | None]] = {
    "sum": _sum,
    "min": _least,
    "max": _greatest,
    "average": _average,
    "count": lambda known: Decimal(len(known)),
}


def _added(operands: list[Operand]) -> Operand | None:
    one, two = operands
    if isinstance(one, Decimal) and isinstance(two, Decimal):
        return DECIMALS.add(one, two)
    moment, days = (two, one) if isinstance(one, timedelta) else (one, two)
    return _moved(moment, days, 1)


def _subtracted(operands: list[Operand]) -> Operand | None:
    one, two = operands
    if isinstance(one, Decimal) and isinstance(two, Decimal):
        return DECIMALS.subtract(one, two)
    if isinstance(one, date) and isinstance(two, date):
        return Decimal((_day(one) - _day(two)).days)
    return _moved(one, two, -1)


def _day(moment: date) -> date:
    return date(moment.year, moment.month, moment.day)


def _moved(moment: Operand, days: Operand, sign: int) -> Operand | None:
    if not isinstance(moment, date) or not isinstance(days, timedelta):
        return None
    try:
        return moment + sign * days
    except OverflowError:
        return None


def _days(operands: list[Operand]) -> Operand | None:
    (number,) = operands
    try:
        return timedelta(days=int(number)) if isinstance(number, Decimal) else None
    except OverflowError:
        return None


def _decimals(
    calculate: Callable[[Decimal, Decimal], Decimal],
) -> Callable[[list[Operand]], Operand | None]:
    def applied(operands: list[Operand]) -> Operand | None:
        one, two = operands
        if isinstance(one, Decimal) and isinstance(two, Decimal):
            return calculate(one, two)
        return None

    return applied


def _rounded(number: Decimal, places: Decimal) -> Decimal:
    unit = Decimal(1).scaleb(-max(-20, min(20, int(places))))
    return number.quantize(unit, rounding="ROUND_HALF_UP", context=DECIMALS)


ARITHMETIC: Mapping[str, Callable[[list[Operand]], Operand | None]] = {
    "+": _added,
    "-": _subtracted,
    "*": _decimals(DECIMALS.multiply),
    "/": _decimals(DECIMALS.divide),
    "round": _decimals(_rounded),
    "negate": lambda known: -known[0] if isinstance(known[0], Decimal) else None,
    "abs": lambda known: abs(known[0]) if isinstance(known[0], Decimal) else None,
    "days": _days,
}

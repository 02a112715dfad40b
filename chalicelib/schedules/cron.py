"""Cron expressions of EventBridge Scheduler, and the days that they name.

An expression has six fields, `minutes hours day-of-month month day-of-week year`, of which one of
the two days is `?`. Whatever AWS would refuse is refused here, with the text to write instead.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby
from typing import NoReturn

from chalicelib.errors import InvalidInput

FIELD = "expression"
_SHAPE = "minutes hours day-of-month month day-of-week year"
_EXAMPLE = "cron(0 2 * * ? *) for every day at 02:00"
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MACROS = {
    "@hourly": "cron(0 * * * ? *)",
    "@daily": "cron(0 0 * * ? *)",
    "@midnight": "cron(0 0 * * ? *)",
    "@weekly": "cron(0 0 ? * SUN *)",
    "@monthly": "cron(0 0 1 * ? *)",
    "@yearly": "cron(0 0 1 1 ? *)",
    "@annually": "cron(0 0 1 1 ? *)",
}
"""Names that other systems of cron take for a whole expression, such as `@daily`."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    values: Mapping[str, int]
    has_steps: bool = True

    def text(self, value: int) -> str:
        """Return a value as its name, if it has one."""
        return next((name for name, number in self.values.items() if number == value), str(value))


_NO_NAMES: Mapping[str, int] = {}
_MINUTES = _Field("minutes", 0, 59, _NO_NAMES)
_HOURS = _Field("hours", 0, 23, _NO_NAMES)
_MONTHDAY = _Field("day-of-month", 1, 31, _NO_NAMES)
_MONTH = _Field(
    "month", 1, 12, {name.upper(): n for n, name in enumerate(calendar.month_abbr) if name}
)
_WEEKDAY = _Field(
    "day-of-week", 1, 7, {name: n for n, name in enumerate(_WEEKDAYS, 1)}, has_steps=False
)
_NTH = _Field("number after #", 1, 5, _NO_NAMES)
_YEAR = _Field("year", 1970, 2199, _NO_NAMES)
_UNIX_WEEKDAY = _Field("day-of-week", 0, 7, {name: n for n, name in enumerate(_WEEKDAYS)})


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed cron expression, without a time zone.

    Attributes:
        minutes: Minutes after midnight, in order.
        days: Returns the days of a year's month, in order.
        months: Months, in order.
        years: Years, in order.
    """

    minutes: tuple[int, ...]
    days: Callable[[int, int], Sequence[int]]
    months: tuple[int, ...]
    years: tuple[int, ...]

    def days_from(self, first: date) -> Iterator[date]:
        """Yield the days of the expression from `first` on."""
        for year in self.years[bisect_left(self.years, first.year) :]:
            for month in self.months:
                if (year, month) >= (first.year, first.month):
                    days = (date(year, month, day) for day in self.days(year, month))
                    yield from (day for day in days if day >= first)

    def days_back_from(self, last: date) -> Iterator[date]:
        """Yield the days of the expression from `last` back."""
        for year in reversed(self.years[: bisect_right(self.years, last.year)]):
            for month in reversed(self.months):
                if (year, month) <= (last.year, last.month):
                    days = (date(year, month, day) for day in reversed(self.days(year, month)))
                    yield from (day for day in days if day <= last)


def parse_cron(text: str) -> Cron:
    """Return what the text between the parentheses of `cron(…)` says, or raise InvalidInput."""
    fields = text.upper().split()
    if len(fields) != 6:
        _refuse(f"cron({text}) has {len(fields)} fields instead of six. {_correction(fields)}")
    minutes, hours, monthday, month, weekday, year = fields
    _check_days(fields)
    return Cron(
        tuple(
            hour * 60 + minute
            for hour in _values(_HOURS, hours)
            for minute in _values(_MINUTES, minutes)
        ),
        _days_of_month(monthday) if weekday == "?" else _days_of_week(weekday),
        _values(_MONTH, month),
        _values(_YEAR, year),
    )


def suggestion(text: str) -> str:
    """Return what to write instead of an expression that is none of AWS's."""
    if text.strip().lower() in _MACROS:
        return f"Write {_MACROS[text.strip().lower()]}."
    fields = text.upper().split()
    if len(fields) == 6:
        return f"Write cron({text.strip()})."
    return _correction(fields)


def _refuse(message: str) -> NoReturn:
    raise InvalidInput(message, field=FIELD)


def _check_days(fields: Sequence[str]) -> None:
    minutes, hours, monthday, month, weekday, year = fields
    if (monthday == "?") != (weekday == "?"):
        return
    if weekday in ("?", "*"):
        right = (minutes, hours, "*", month, "?", year)
    elif monthday in ("?", "*"):
        right = (minutes, hours, "?", month, weekday, year)
    else:
        _refuse(
            "An expression names a day-of-month or a day-of-week, and the other is ?. Make two"
            f" schedules: cron({minutes} {hours} {monthday} {month} ? {year}) and"
            f" cron({minutes} {hours} ? {month} {weekday} {year})."
        )
    _refuse(
        "One of day-of-month and day-of-week must be ?, and only one."
        f" Write cron({' '.join(right)})."
    )


def _correction(fields: Sequence[str]) -> str:
    if len(fields) == 5:
        corrected = _of_unix(fields)
        if corrected:
            return f"Write {corrected}: AWS's cron has a year, and ? for the day that is not named."
    if len(fields) == 7:
        return (
            f"Leave out the seconds, which AWS's cron does not have: cron({' '.join(fields[1:])})."
        )
    return f"Write {_SHAPE}, such as {_EXAMPLE}."


def _of_unix(fields: Sequence[str]) -> str:
    """Return the expression that says what five fields of Unix say, or "" if they say nothing."""
    minutes, hours, monthday, month, weekday = fields
    try:
        numbers = sorted({day % 7 for day in _values(_UNIX_WEEKDAY, weekday.replace("?", "*"))})
        found = []
        if monthday not in ("*", "?") or len(numbers) == 7:
            found.append((minutes, hours, monthday.replace("?", "*"), month, "?", "*"))
        if len(numbers) < 7:
            found.append((minutes, hours, "?", month, _names(numbers), "*"))
        written = [" ".join(map(_without_star, of, (0, 0, 1, 1, 1, 1970))) for of in found]
        for text in written:
            parse_cron(text)
    except InvalidInput:
        return ""
    return " and, as a second schedule, ".join(f"cron({text})" for text in written)


def _without_star(field: str, low: int) -> str:
    return re.sub(r"^\*/", f"{low}/", field)


def _names(weekdays: Sequence[int]) -> str:
    """Return weekdays, Sunday as 0, as AWS writes them."""
    spans = []
    for _, span in groupby(enumerate(weekdays), lambda pair: pair[1] - pair[0]):
        days = [_WEEKDAYS[day] for _, day in span]
        spans.append(f"{days[0]}-{days[-1]}" if len(days) > 2 else ",".join(days))
    return ",".join(spans)


def _values(field: _Field, text: str) -> tuple[int, ...]:
    """Return the values of a field that has `*`, numbers, names, ranges, steps and lists."""
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and not field.has_steps:
            _refuse(f"The {field.name} {part} has a step. List the days, such as MON,WED,FRI.")
        first, last = _span(field, span, slash == "/")
        if first > last:
            lower, _, upper = span.partition("-")
            _refuse(
                f"The {field.name} {span} runs backwards."
                f" Write {lower}-{field.text(field.high)},{field.text(field.low)}-{upper}."
            )
        values.update(range(first, last + 1, _step(field, step) if slash else 1))
    return tuple(sorted(values))


def _span(field: _Field, span: str, has_step: bool) -> tuple[int, int]:
    if span == "*":
        return field.low, field.high
    first, dash, last = span.partition("-")
    low = _value(field, first)
    if dash:
        return low, _value(field, last)
    return low, field.high if has_step else low


def _step(field: _Field, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= field.high:
        _refuse(f"The step {text!r} of the {field.name} must be a number from 1 to {field.high}.")
    return int(text)


def _value(field: _Field, text: str) -> int:
    if text in field.values:
        return field.values[text]
    if not re.fullmatch(r"[0-9]{1,4}", text) or not field.low <= int(text) <= field.high:
        names = f", or {field.text(field.low)} to {field.text(field.high)}" if field.values else ""
        _refuse(
            f"The {field.name} {text!r} must be a number from {field.low} to {field.high}{names}."
        )
    return int(text)


def _days_of_month(text: str) -> Callable[[int, int], Sequence[int]]:
    if text == "L":
        return lambda year, month: (calendar.monthrange(year, month)[1],)
    if text.endswith("W"):
        return partial(_nearest_workday, _value(_MONTHDAY, text[:-1]))
    return partial(_numbered_days, _values(_MONTHDAY, text))


def _days_of_week(text: str) -> Callable[[int, int], Sequence[int]]:
    weekday, hash_sign, nth = text.partition("#")
    if hash_sign:
        first = _value(_NTH, nth) - 1
        return partial(_weekdays, (_value(_WEEKDAY, weekday),), slice(first, first + 1))
    if text == "L":
        return partial(_weekdays, (7,), slice(None))
    if text.endswith("L"):
        return partial(_weekdays, (_value(_WEEKDAY, text[:-1]),), slice(-1, None))
    return partial(_weekdays, _values(_WEEKDAY, text), slice(None))


def _numbered_days(days: Sequence[int], year: int, month: int) -> Sequence[int]:
    return days[: bisect_right(days, calendar.monthrange(year, month)[1])]


def _nearest_workday(day: int, year: int, month: int) -> Sequence[int]:
    """Return the day from Monday to Friday of the month that is nearest to one of its days."""
    last = calendar.monthrange(year, month)[1]
    if day > last:
        return ()
    workdays = [d for d in range(1, last + 1) if date(year, month, d).weekday() < 5]
    return (min(workdays, key=lambda workday: abs(workday - day)),)


def _weekdays(numbers: Sequence[int], part: slice, year: int, month: int) -> Sequence[int]:
    """Return a part of the month's days that fall on weekdays, of which Sunday is 1."""
    before, length = calendar.monthrange(year, month)
    return [d for d in range(1, length + 1) if (before + d) % 7 + 1 in numbers][part]

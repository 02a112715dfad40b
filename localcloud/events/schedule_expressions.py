"""Schedule expressions of EventBridge: `at(…)`, `rate(…)` and `cron(…)`.

A cron expression of AWS has six fields and knows `?`, `L`, `W` and `#`. Its day-of-week takes no
steps: AWS's table of wildcards has `/` for every other field.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import calendar
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

FIRST_YEAR, LAST_YEAR = 1970, 2199
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}


class InvalidSchedule(ValueError):  # noqa: N818 - the name says what is wrong
    """A schedule expression that AWS rejects."""


@dataclass(frozen=True, slots=True)
class CronExpression:
    """A cron expression.

    `monthdays` and `weekdays` are the fields as they are written; one of them is `?`.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    monthdays: str
    months: tuple[int, ...]
    weekdays: str
    years: tuple[int, ...]

    def after(self, moment: datetime, zone: tzinfo = UTC) -> datetime | None:
        """Return the first firing strictly after `moment` (aware), in UTC, or None.

        A wall-clock time that daylight saving skips does not fire; one that it repeats
        fires the first time only.
        """
        local = moment.astimezone(zone)
        for day in self._days_from(local.date()):
            for hour in self.hours:
                for minute in self.minutes:
                    wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    fires = wall.astimezone(UTC)
                    if fires > moment and _is_wall_time(wall, fires):
                        return fires
        return None

    def _days_from(self, first: date) -> Iterator[date]:
        for year in self.years[bisect_left(self.years, first.year) :]:
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                for number in self._days_of(year, month):
                    day = date(year, month, number)
                    if day >= first:
                        yield day

    def _days_of(self, year: int, month: int) -> list[int]:
        last = calendar.monthrange(year, month)[1]
        if self.weekdays == "?":
            return _monthdays(self.monthdays, year, month, last)
        return _weekdays(self.weekdays, year, month, last)


def _is_wall_time(wall: datetime, fires: datetime) -> bool:
    return fires.astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None)


def _monthdays(field: str, year: int, month: int, last: int) -> list[int]:
    if field == "L":
        return [last]
    if field.endswith("W"):
        monthday = int(field[:-1])
        return [_nearest_weekday(year, month, monthday, last)] if monthday <= last else []
    return [day for day in _numbers(field, 1, 31) if day <= last]


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    weekday = date(year, month, day).weekday()
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _weekdays(field: str, year: int, month: int, last: int) -> list[int]:
    if "#" in field:
        weekday, nth = field.split("#")
        days = _days_on(year, month, last, (_weekday(weekday),))
        return days[int(nth) - 1 : int(nth)]
    if field.endswith("L"):
        last_weekday = _weekday(field[:-1]) if field != "L" else _DAYS["SAT"]
        return _days_on(year, month, last, (last_weekday,))[-1 if field != "L" else 0 :]
    return _days_on(year, month, last, _numbers(field, 1, 7, _DAYS))


def _days_on(year: int, month: int, last: int, weekdays: tuple[int, ...]) -> list[int]:
    return [
        day for day in range(1, last + 1) if date(year, month, day).isoweekday() % 7 + 1 in weekdays
    ]


def _weekday(text: str) -> int:
    return _number(text, 1, 7, _DAYS)


def _number(text: str, low: int, high: int, names: dict[str, int] | None = None) -> int:
    value = (names or {}).get(text.upper())
    if value is None:
        if not re.fullmatch(r"\d{1,4}", text):
            raise InvalidSchedule(f"{text!r} is not a value of this field")
        value = int(text)
    if not low <= value <= high:
        raise InvalidSchedule(f"{text} is not between {low} and {high}")
    return value


def _numbers(
    field: str, low: int, high: int, names: dict[str, int] | None = None
) -> tuple[int, ...]:
    """Return the sorted values of a field made of `*`, numbers, ranges, steps and commas."""
    values: set[int] = set()
    for part in field.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, 1, max(high, 1)) if slash else 1
        if span == "*":
            first, final = low, high
        elif "-" in span:
            first, final = (_number(end, low, high, names) for end in span.split("-", 1))
        else:
            first = _number(span, low, high, names)
            final = high if slash else first
        if first > final:
            raise InvalidSchedule(f"{part} runs backwards")
        values.update(range(first, final + 1, step))
    return tuple(sorted(values))


def parse_cron(text: str) -> CronExpression:
    """Parse the six fields between the parentheses of `cron(…)`, or raise InvalidSchedule."""
    fields = text.upper().split()
    if len(fields) != 6:
        raise InvalidSchedule("a cron expression has six fields")
    minutes, hours, monthdays, months, weekdays, years = fields
    if (monthdays == "?") == (weekdays == "?"):
        raise InvalidSchedule("one of day-of-month and day-of-week must be ?, and only one")
    _check_monthdays(monthdays)
    _check_weekdays(weekdays)
    return CronExpression(
        _numbers(minutes, 0, 59),
        _numbers(hours, 0, 23),
        monthdays,
        _numbers(months, 1, 12, _MONTHS),
        weekdays,
        _numbers(years, FIRST_YEAR, LAST_YEAR),
    )


def _check_monthdays(field: str) -> None:
    if field.endswith("W"):
        _number(field[:-1], 1, 31)
    elif field not in ("?", "L"):
        _numbers(field, 1, 31)


def _check_weekdays(field: str) -> None:
    if "#" in field:
        weekday, _, nth = field.partition("#")
        _weekday(weekday)
        _number(nth, 1, 5)
    elif field.endswith("L"):
        if field != "L":
            _weekday(field[:-1])
    elif "/" in field:
        raise InvalidSchedule("day-of-week takes no steps")
    elif field != "?":
        _numbers(field, 1, 7, _DAYS)


_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class AtExpression:
    """A one-time schedule: a wall-clock time without a time zone."""

    wall_time: datetime

    def in_zone(self, zone: tzinfo) -> datetime:
        """Return the time in `zone` at which the schedule fires."""
        return self.wall_time.replace(tzinfo=zone)


@dataclass(frozen=True, slots=True)
class RateExpression:
    """A schedule that fires at a fixed interval, counted from an anchor."""

    interval: timedelta

    def after(self, moment: datetime, anchor: datetime) -> datetime:
        """Return the first `anchor + n * interval` (n from 0) strictly after `moment`."""
        if anchor > moment:
            return anchor
        return anchor + ((moment - anchor) // self.interval + 1) * self.interval


ScheduleExpression = AtExpression | RateExpression | CronExpression


def parse_schedule_expression(text: str, *, strict: bool = False) -> ScheduleExpression:
    """Parse a schedule expression, or raise InvalidSchedule.

    `strict` allows only what rules of EventBridge take: no `at(…)`, and a unit in the singular
    for 1 and in the plural otherwise. Scheduler takes more.
    """
    parts = re.fullmatch(r"(at|rate|cron)\((.*)\)", text)
    if not parts:
        raise InvalidSchedule("a schedule is at(…), rate(…) or cron(…)")
    kind, argument = parts[1], parts[2]
    if kind == "cron":
        return parse_cron(argument)
    if kind == "rate":
        return _rate(argument, strict)
    if strict:
        raise InvalidSchedule("a rule takes rate(…) and cron(…) only")
    return _at(argument)


def _at(argument: str) -> AtExpression:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", argument):
        raise InvalidSchedule("at takes yyyy-mm-ddThh:mm:ss")
    try:
        return AtExpression(datetime.fromisoformat(argument))
    except ValueError as error:
        raise InvalidSchedule(str(error)) from error


def _rate(argument: str, strict: bool) -> RateExpression:
    parts = re.fullmatch(r"(\d{1,9}) (minute|hour|day)(s?)", argument)
    if not parts or int(parts[1]) < 1:
        raise InvalidSchedule("a rate is a positive number and minute(s), hour(s) or day(s)")
    value, unit, plural = int(parts[1]), parts[2], parts[3]
    if strict and (value == 1) == (plural == "s"):
        raise InvalidSchedule("1 takes a singular unit, more than 1 a plural one")
    return RateExpression(timedelta(seconds=value * _UNIT_SECONDS[unit]))

"""The times that a schedule runs at.

A schedule is `cron(…)`, `rate(…)` or `at(…)` of EventBridge Scheduler, read in a time zone. A time
of the wall clock that comes twice in autumn counts the first time only. One that spring skips
counts at the instant that the old offset gives, where AWS leaves it out: so no night is lost.
A rate counts whole intervals, whatever the wall clock does.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from itertools import takewhile
from typing import NoReturn, Protocol
from zoneinfo import ZoneInfo

from chalicelib.errors import InvalidInput
from chalicelib.schedules.cron import FIELD, Cron, parse_cron, suggestion

TICK = timedelta(microseconds=1)
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_UNITS = {"minute": _MINUTE, "hour": timedelta(hours=1), "day": _DAY}
_MAX_RATE = timedelta(days=366 * 230)
"""Longer than all the years that AWS's cron knows."""
START_YEARS = range(1900, 2200)
"""Years in which a schedule may start; 2199 is the last that AWS's cron knows."""


class Rule(Protocol):
    """The times of an expression, from the beginning of time to its end."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time strictly after `moment`."""

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many times are after `after` and not after `until`, without a list."""

    def last(self, after: datetime, until: datetime, count: int) -> tuple[datetime, ...]:
        """Return, in order, the last `count` times after `after` and not after `until`."""


@dataclass(frozen=True, slots=True)
class Once:
    """One instant."""

    at: datetime

    def after(self, moment: datetime) -> datetime | None:
        """Return the instant if it is still to come."""
        return self.at if self.at > moment else None

    def count(self, after: datetime, until: datetime) -> int:
        """Return 1 if the instant is between the two, else 0."""
        return int(after < self.at <= until)

    def last(self, after: datetime, until: datetime, count: int) -> tuple[datetime, ...]:
        """Return the instant if it is between the two."""
        return (self.at,)[: min(count, self.count(after, until))]


@dataclass(frozen=True, slots=True)
class Rate:
    """Every interval, from an anchor on, which is the first time."""

    interval: timedelta
    anchor: datetime

    def _passed(self, moment: datetime) -> int:
        """Return how many times are not after `moment`."""
        return max(0, (moment - self.anchor) // self.interval + 1)

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time strictly after `moment`."""
        return self.anchor + self._passed(moment) * self.interval

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many times are after `after` and not after `until`."""
        return max(0, self._passed(until) - self._passed(after))

    def last(self, after: datetime, until: datetime, count: int) -> tuple[datetime, ...]:
        """Return, in order, the last `count` times after `after` and not after `until`."""
        count, passed = min(count, self.count(after, until)), self._passed(until)
        return tuple(self.anchor + n * self.interval for n in range(passed - count, passed))


@dataclass(frozen=True, slots=True)
class CronTimes:
    """The times of a cron expression in a time zone.

    Times are found by the day. A time that daylight saving skips is written on a day of its own
    and may come at an instant of the next one: Samoa skipped 30 December 2011 whole. So a search
    begins a day early, and looks a day further than where it found something.
    """

    cron: Cron
    zone: tzinfo

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time strictly after `moment`."""
        found: datetime | None = None
        last: date | None = None
        for day in self.cron.days_from(self._local(moment) - _DAY):
            if last is not None and day > last:
                break
            following = next(self._times(day, moment), None)
            if following is not None:
                found = min(found or following, following)
                last = last or day + _DAY
        return found

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many times are after `after` and not after `until`."""
        begun, ended = self._local(after), self._local(until)
        days = takewhile(lambda day: day <= ended + _DAY, self.cron.days_from(begun - _DAY))
        whole, others = 0, set[datetime]()
        for day in days:
            if begun < day < ended and self._steady(day) is not None:
                whole += len(self.cron.minutes)
            else:
                others.update(time for time in self._times(day, after) if time <= until)
        return whole + len(others)

    def last(self, after: datetime, until: datetime, count: int) -> tuple[datetime, ...]:
        """Return, in order, the last `count` times after `after` and not after `until`."""
        found = set[datetime]()
        first = self._local(after) - _DAY
        for day in self.cron.days_back_from(self._local(until) + _DAY):
            if day < first:
                break
            found.update(time for time in self._times(day, after) if time <= until)
            if len(found) >= count:
                first = max(first, day - _DAY)
        return tuple(sorted(found)[max(0, len(found) - count) :])

    def _local(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _steady(self, day: date) -> timedelta | None:
        """Return the offset from UTC, or None where it changes on the day or on one beside it."""
        before, after = (
            datetime(at.year, at.month, at.day, tzinfo=self.zone).utcoffset()
            for at in (day - _DAY, day + 2 * _DAY)
        )
        return before if before == after else None

    def _times(self, day: date, after: datetime) -> Iterator[datetime]:
        """Yield the instants of a day's times that are after `after`, in order."""
        offset = self._steady(day)
        if offset is None:
            times = _changing_times(self.cron.minutes, self.zone, day)
            return iter(times[bisect_right(times, after) :])
        begun = datetime(day.year, day.month, day.day, tzinfo=UTC) - offset
        skipped = bisect_right(self.cron.minutes, (after - begun) // _MINUTE)
        return (begun + timedelta(minutes=minute) for minute in self.cron.minutes[skipped:])


@lru_cache(maxsize=16)
def _changing_times(minutes: tuple[int, ...], zone: tzinfo, day: date) -> tuple[datetime, ...]:
    """Return the instants, in order, of minutes of a day whose offset from UTC may change.

    `fold` is 0: the first of two, and in a gap the offset from before it.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    walls = (midnight + timedelta(minutes=minute) for minute in minutes)
    return tuple(sorted({wall.astimezone(UTC) for wall in walls}))


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule runs. Every time is aware and in UTC.

    `start` and `end` are themselves within the schedule. A rate counts from `start` or, without
    it, from the schedule's creation; that first time is one of its own.
    """

    expression: str
    time_zone: str
    start: datetime | None
    end: datetime | None
    rule: Rule

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time strictly after `moment`, or None if there is none."""
        following = self.rule.after(self._begun(moment))
        return None if following is None or following > self._ended(following) else following

    def first(self, moment: datetime, count: int) -> tuple[datetime, ...]:
        """Return the first `count` times strictly after `moment`; fewer if the schedule ends."""
        found: list[datetime] = []
        following = self.after(moment)
        while following is not None and len(found) < count:
            found.append(following)
            following = self.after(following)
        return tuple(found)

    def count(self, after: datetime, until: datetime) -> int:
        """Return how many times are after `after` and not after `until`, without a list."""
        after, until = self._begun(after), self._ended(until)
        return self.rule.count(after, until) if after < until else 0

    def last(self, after: datetime, until: datetime, count: int) -> tuple[datetime, ...]:
        """Return, in order, the last `count` times after `after` and not after `until`."""
        after, until = self._begun(after), self._ended(until)
        return self.rule.last(after, until, count) if after < until and count > 0 else ()

    def _begun(self, moment: datetime) -> datetime:
        return moment if self.start is None else max(moment, self.start - TICK)

    def _ended(self, moment: datetime) -> datetime:
        return moment if self.end is None else min(moment, self.end)


def parse_timing(
    expression: str,
    time_zone: str,
    start: datetime | None,
    end: datetime | None,
    anchor: datetime,
) -> Timing:
    """Return when a schedule runs, or raise InvalidInput with the field that is wrong.

    Args:
        expression: `cron(…)`, `rate(…)` or `at(…)`.
        time_zone: A name of the IANA time zone database.
        start: The schedule runs from here on (aware); to the second, as AWS keeps it.
        end: The schedule runs up to here (aware).
        anchor: The schedule's creation, where a rate without `start` begins.
    """
    zone = _zone(time_zone)
    start = None if start is None else _utc(start, "start").replace(microsecond=0)
    end = None if end is None else _utc(end, "end")
    if start is not None and start.year not in START_YEARS:
        years = f"{START_YEARS[0]} to {START_YEARS[-1]}"
        raise InvalidInput(
            f"The start {_text(start)} is not in the years {years}: choose one that is.",
            field="start",
            limit=years,
        )
    if start is not None and end is not None and end <= start:
        raise InvalidInput(
            f"The end {_text(end)} is not after the start {_text(start)}: choose a later end.",
            field="end",
        )
    rule = _rule(expression, zone, start or anchor.astimezone(UTC).replace(microsecond=0))
    if isinstance(rule, Once) and (start or end):
        raise InvalidInput(
            f"{expression} runs once: leave out the start and the end.",
            field="start" if start else "end",
        )
    return Timing(expression, time_zone, start, end, rule)


def check_comes(timing: Timing, now: datetime) -> None:
    """Raise InvalidInput unless the schedule has a time after `now`."""
    if timing.after(now) is not None:
        return
    if timing.end is not None and timing.end <= now:
        raise InvalidInput(
            f"The end {_text(timing.end)} has passed: choose one after {_text(now)}, or leave it"
            " out.",
            field="end",
        )
    first = timing.rule.after(now if timing.start is None else max(now, timing.start - TICK))
    if first is not None:
        raise InvalidInput(
            f"The schedule would run for the first time at {_text(first)}, after its end: choose a"
            " later end, or leave it out.",
            field="end",
        )
    _refuse(_never(timing, now))


def _never(timing: Timing, now: datetime) -> str:
    if isinstance(timing.rule, Once):
        return (
            f"{timing.expression} in {timing.time_zone} was {_text(timing.rule.at)}, which has"
            f" passed: choose a time after {_text(now)}."
        )
    assert isinstance(timing.rule, CronTimes)  # a rate has no end of its own
    if next(timing.rule.cron.days_from(date.min), None) is None:
        return (
            f"{timing.expression} never comes: no month that it names has that day. Choose a day"
            " that exists; L is the last one of a month."
        )
    return (
        f"{timing.expression} does not come again: its last year is"
        f" {timing.rule.cron.years[-1]}. Write * or a later year as its sixth field."
    )


def _refuse(message: str) -> NoReturn:
    raise InvalidInput(message, field=FIELD)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(moment: datetime, field: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(
            f"The {field} {moment.isoformat()} is before the year 1 or after 9999 in UTC: choose"
            " another.",
            field=field,
            limit="1 to 9999",
        ) from error


def _rule(expression: str, zone: tzinfo, anchor: datetime) -> Rule:
    parts = re.fullmatch(r"(cron|rate|at)\((.*)\)", expression)
    if parts is None:
        _refuse(
            f"{expression!r} is not cron(…), rate(…) or at(…). {suggestion(expression)}",
        )
    kind, argument = parts[1], parts[2]
    if kind == "cron":
        return CronTimes(parse_cron(argument), zone)
    return Rate(_interval(argument), anchor) if kind == "rate" else Once(_instant(argument, zone))


def _interval(argument: str) -> timedelta:
    parts = re.fullmatch(r"([0-9]{1,9}) (minute|hour|day)s?", argument)
    interval = int(parts[1]) * _UNITS[parts[2]] if parts and int(parts[1]) < 10**8 else None
    if not interval or interval > _MAX_RATE:
        _refuse(
            f"rate({argument}) must have a whole number from 1 and minutes, hours or days, up to"
            f" {_MAX_RATE.days} days, such as rate(15 minutes) or, for a week, rate(7 days)."
        )
    return interval


def _instant(argument: str, zone: tzinfo) -> datetime:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", argument):
            raise ValueError("it has another form")
        return datetime.fromisoformat(argument).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"at({argument}) is no time ({error}): write yyyy-mm-ddThh:mm:ss without an offset,"
            " such as at(2027-01-31T09:00:00), and the time zone beside it.",
            field=FIELD,
        ) from error


@cache
def _zone_names() -> frozenset[str]:
    """Return the names of time zones. They are those of `tzdata`, which is deployed with us.

    AWS's runtime of Python has no time zones of its own, and those of a laptop may differ.
    https://github.com/aws/aws-lambda-base-images/issues/144
    """
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


def _zone(name: str) -> tzinfo:
    if name in _zone_names():
        return UTC if name == "UTC" else ZoneInfo(name)
    similar = _similar_zones(name)
    raise InvalidInput(
        f"The time zone {name!r} does not exist."
        + (f" Did you mean {' or '.join(similar)}?" if similar else " Write one as Europe/Berlin."),
        field="time_zone",
    )


def _similar_zones(name: str) -> list[str]:
    """Return up to three names like `name`, which may also be that of a city alone."""
    names = {zone.casefold(): zone for zone in sorted(_zone_names())}
    cities = {zone.rpartition("/")[2]: names[zone] for zone in names if "/" in zone}
    choices = {**cities, **names}
    wanted = name.casefold().replace(" ", "_")
    return list(dict.fromkeys(choices[it] for it in get_close_matches(wanted, choices, 3)))

"""Schedule expressions: `at(…)`, `rate(…)` and `cron(…)`. Pure.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from localcloud.events.cron import Cron, InvalidSchedule, parse_cron

_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class At:
    """One firing, at a wall-clock time without a zone."""

    wall: datetime

    def in_zone(self, zone: tzinfo) -> datetime:
        """Return the aware time of the firing in `zone`."""
        return self.wall.replace(tzinfo=zone)


@dataclass(frozen=True, slots=True)
class Rate:
    """A fixed interval, counted from an anchor."""

    interval: timedelta

    def after(self, moment: datetime, anchor: datetime) -> datetime:
        """Return the first `anchor + n * interval` (n from 0) strictly after `moment`."""
        if anchor > moment:
            return anchor
        return anchor + ((moment - anchor) // self.interval + 1) * self.interval


Schedule = At | Rate | Cron


def parse_schedule(text: str, *, strict: bool = False) -> Schedule:
    """Parse a schedule expression, or raise InvalidSchedule.

    `strict` keeps to what rules take: no `at`, and `1 minute` but `2 minutes`.
    """
    found = re.fullmatch(r"(at|rate|cron)\((.*)\)", text)
    if not found:
        raise InvalidSchedule("a schedule is at(…), rate(…) or cron(…)")
    kind, inside = found[1], found[2]
    if kind == "cron":
        return parse_cron(inside)
    if kind == "rate":
        return _rate(inside, strict)
    if strict:
        raise InvalidSchedule("a rule takes rate(…) and cron(…) only")
    return _at(inside)


def _at(inside: str) -> At:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inside):
        raise InvalidSchedule("at takes yyyy-mm-ddThh:mm:ss")
    try:
        return At(datetime.fromisoformat(inside))
    except ValueError as error:
        raise InvalidSchedule(str(error)) from error


def _rate(inside: str, strict: bool) -> Rate:
    found = re.fullmatch(r"(\d{1,9}) (minute|hour|day)(s?)", inside)
    if not found or int(found[1]) < 1:
        raise InvalidSchedule("a rate is a positive number and minute(s), hour(s) or day(s)")
    value, unit, plural = int(found[1]), found[2], found[3]
    if strict and (value == 1) == (plural == "s"):
        raise InvalidSchedule("1 takes a singular unit, more than 1 a plural one")
    return Rate(timedelta(seconds=value * _SECONDS[unit]))

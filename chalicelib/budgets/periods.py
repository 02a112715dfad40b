"""Days, months and minutes, all in UTC, and when the next one begins."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta

_DECEMBER = 12


def day_of(moment: datetime) -> date:
    """Return the day of `moment` in UTC."""
    return moment.astimezone(UTC).date()


def month_of(day: date) -> str:
    """Return the month of `day`, such as `2026-11`; the names of its days begin with it."""
    return f"{day:%Y-%m}"


def minute_of(moment: datetime) -> str:
    """Return the minute of `moment` in UTC, such as `2026-11-26T13:32`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"


def after_day(day: date) -> datetime:
    """Return when the day after `day` begins."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def after_month(day: date) -> datetime:
    """Return when the month after that of `day` begins."""
    years, month = divmod(day.month, _DECEMBER)
    return datetime(day.year + years, month + 1, 1, tzinfo=UTC)


def after_minute(moment: datetime) -> datetime:
    """Return when the minute after that of `moment` begins."""
    begun = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return begun + timedelta(minutes=1)


def seconds_until(moment: datetime, now: datetime) -> int:
    """Return the whole seconds from `now` until `moment` is there, at least one."""
    return max(1, math.ceil((moment - now).total_seconds()))

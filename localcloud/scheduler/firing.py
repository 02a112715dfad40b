"""When a schedule fires, and what it sends. Pure.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from localcloud.clock import iso, utc
from localcloud.events.cron import Cron
from localcloud.events.schedules import At, Rate, Schedule, parse_schedule
from localcloud.events.transform import compact
from localcloud.scheduler.store import Firing

_MOMENT = timedelta(microseconds=1)


def zone_of(definition: Mapping[str, Any]) -> tzinfo:
    """Return the schedule's time zone; raises KeyError or ValueError for an unknown one."""
    name = definition.get("ScheduleExpressionTimezone", "UTC")
    return UTC if name == "UTC" else ZoneInfo(name)


def next_firing(definition: Mapping[str, Any], after: float, created_at: float) -> Firing | None:
    """Return the first occurrence strictly after `after`, or None when the schedule is over.

    `created_at` anchors a rate without StartDate, whose first occurrence is the creation.
    StartDate and EndDate do not matter to `at`. The firing is anywhere in the flexible
    window that begins with the occurrence.
    """
    if definition.get("State") == "DISABLED":
        return None
    schedule = parse_schedule(definition["ScheduleExpression"])
    occurrence = _occurrence(schedule, definition, after, created_at)
    if occurrence is None:
        return None
    end = definition.get("EndDate")
    if end is not None and not isinstance(schedule, At) and occurrence > end:
        return None
    delay = random.uniform(0, window_of(definition))  # noqa: S311 - spreads load, no secret
    return Firing(occurrence, occurrence + delay)


def _occurrence(
    schedule: Schedule, definition: Mapping[str, Any], after: float, created_at: float
) -> float | None:
    zone, moment = zone_of(definition), utc(after)
    if isinstance(schedule, At):
        at = schedule.in_zone(zone).timestamp()
        return at if at > after else None
    start = definition.get("StartDate")
    if isinstance(schedule, Rate):
        anchor = utc(created_at if start is None else start)
        return schedule.after(moment, anchor).timestamp()
    return _cron_occurrence(schedule, zone, moment, start)


def _cron_occurrence(
    schedule: Cron, zone: tzinfo, moment: datetime, start: float | None
) -> float | None:
    if start is not None:
        moment = max(moment, utc(start) - _MOMENT)
    following = schedule.after(moment, zone)
    return following.timestamp() if following is not None else None


def window_of(definition: Mapping[str, Any]) -> float:
    """Return the length of the flexible time window in seconds, 0 when it is off."""
    return float(definition["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0) * 60)


def input_of(
    target: Mapping[str, Any], arn: str, scheduled_at: float, execution_id: str, account: str
) -> str:
    """Return the text that the target gets, all but the attempt number filled in.

    Without Input it is Scheduler's own notification.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    text = target.get("Input")
    if text is None:
        return compact(
            {
                "version": "0",
                "id": execution_id,
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": account,
                "time": iso(scheduled_at),
                "region": arn.split(":")[3],
                "resources": [arn],
                "detail": "{}",
            }
        )
    values = {
        "<aws.scheduler.schedule-arn>": arn,
        "<aws.scheduler.scheduled-time>": iso(scheduled_at),
        "<aws.scheduler.execution-id>": execution_id,
    }
    for name, value in values.items():
        text = text.replace(name, value)
    return str(text)


def with_attempt(text: str, attempt: int) -> str:
    """Fill in the attempt number, 1 for the first."""
    return text.replace("<aws.scheduler.attempt-number>", str(attempt))

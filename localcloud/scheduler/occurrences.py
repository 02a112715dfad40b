"""The occurrences of a schedule, and the input that its target receives.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from localcloud.clock import iso, utc
from localcloud.events.schedule_expressions import (
    AtExpression,
    CronExpression,
    RateExpression,
    ScheduleExpression,
    parse_schedule_expression,
)
from localcloud.events.target_input import compact_json
from localcloud.scheduler.store import Occurrence

_SMALLEST_STEP = timedelta(microseconds=1)


def time_zone(definition: Mapping[str, Any]) -> tzinfo:
    """Return the time zone of a schedule; raise KeyError or ValueError for an unknown one."""
    name = definition.get("ScheduleExpressionTimezone", "UTC")
    return UTC if name == "UTC" else ZoneInfo(name)


def next_occurrence(
    definition: Mapping[str, Any], after: float, created_at: float
) -> Occurrence | None:
    """Return the first occurrence strictly after `after`, or None when the schedule is over.

    Times are seconds since the epoch. `created_at` anchors a rate without StartDate, whose
    first occurrence is the creation. StartDate and EndDate are ignored for `at`. The schedule
    fires anywhere in the flexible time window that begins with the occurrence.
    """
    if definition.get("State") == "DISABLED":
        return None
    schedule = parse_schedule_expression(definition["ScheduleExpression"])
    occurrence = _occurrence(schedule, definition, after, created_at)
    if occurrence is None:
        return None
    end = definition.get("EndDate")
    if end is not None and not isinstance(schedule, AtExpression) and occurrence > end:
        return None
    delay = random.uniform(0, flexible_window_s(definition))  # noqa: S311 - spreads load, no secret
    return Occurrence(occurrence, occurrence + delay)


def _occurrence(
    schedule: ScheduleExpression, definition: Mapping[str, Any], after: float, created_at: float
) -> float | None:
    zone, moment = time_zone(definition), utc(after)
    if isinstance(schedule, AtExpression):
        at = schedule.in_zone(zone).timestamp()
        return at if at > after else None
    start = definition.get("StartDate")
    if isinstance(schedule, RateExpression):
        anchor = utc(created_at if start is None else start)
        return schedule.after(moment, anchor).timestamp()
    return _cron_occurrence(schedule, zone, moment, start)


def _cron_occurrence(
    schedule: CronExpression, zone: tzinfo, moment: datetime, start: float | None
) -> float | None:
    if start is not None:
        moment = max(moment, utc(start) - _SMALLEST_STEP)
    following = schedule.after(moment, zone)
    return following.timestamp() if following is not None else None


def flexible_window_s(definition: Mapping[str, Any]) -> float:
    """Return the length of the flexible time window in seconds, 0 when it is off."""
    return float(definition["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0) * 60)


def target_input(
    target: Mapping[str, Any], arn: str, scheduled_at: float, execution_id: str, account: str
) -> str:
    """Return the input of the target, with all context attributes but the attempt number.

    Without Input it is the notification event of Scheduler.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    text = target.get("Input")
    if text is None:
        return compact_json(
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


def fill_attempt_number(text: str, attempt: int) -> str:
    """Return `text` with the number of the attempt, which counts from 1, filled in."""
    return text.replace("<aws.scheduler.attempt-number>", str(attempt))

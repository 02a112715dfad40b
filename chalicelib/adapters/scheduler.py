"""Entries of EventBridge Scheduler, which send a message to a queue when a schedule is due.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import translated
from chalicelib.errors import Conflict, NotFound

if TYPE_CHECKING:
    from chalicelib.schedules.entries import SchedulerEntry

_SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""


class EntryRemover:
    """Removes entries of one group, each named by the id of its schedule."""

    def __init__(self, client: Any, group: str) -> None:
        self._client = client
        self._group = group

    def remove(self, schedule_id: str) -> None:
        """Remove an entry; a missing one is no error."""
        with suppress(NotFound), translated(f"unscheduling {schedule_id}"):
            self._client.delete_schedule(GroupName=self._group, Name=schedule_id)


class SchedulerGroup(EntryRemover):
    """The entries of one group, which send to a queue as a role."""

    def __init__(
        self, client: Any, group: str, queue_arn: str, dead_letters_arn: str, role_arn: str
    ) -> None:
        super().__init__(client, group)
        self._queue_arn = queue_arn
        self._dead_letters_arn = dead_letters_arn
        self._role_arn = role_arn

    def put(self, entry: SchedulerEntry) -> None:
        """Make an entry, or change it to this; may be repeated."""
        settings = self._settings(entry)
        with suppress(NotFound):
            self._update(settings)
            return
        try:
            with translated(f"scheduling {entry.name}"):
                self._client.create_schedule(**settings)
        except Conflict:  # another request made it meanwhile
            self._update(settings)

    def _update(self, settings: dict[str, Any]) -> None:
        with translated(f"rescheduling {settings['Name']}"):
            self._client.update_schedule(**settings)

    def _settings(self, entry: SchedulerEntry) -> dict[str, Any]:
        """Return the parameters of an entry; AWS deletes it after its last time."""
        window: dict[str, Any] = {"Mode": "OFF"}
        if entry.window_minutes:
            window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": entry.window_minutes}
        message = {
            "tenant": entry.tenant,
            "schedule": entry.name,
            "schedule_id": entry.schedule_id,
            "scheduled_at": _SCHEDULED_TIME,
        }
        settings = {
            "GroupName": self._group,
            "Name": entry.schedule_id,
            "ScheduleExpression": entry.expression,
            "ScheduleExpressionTimezone": entry.time_zone,
            "FlexibleTimeWindow": window,
            "StartDate": entry.start,
            "EndDate": entry.end,
            "State": "ENABLED",
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": self._queue_arn,
                "RoleArn": self._role_arn,
                "Input": json.dumps(message),
                "DeadLetterConfig": {"Arn": self._dead_letters_arn},
            },
        }
        return {name: value for name, value in settings.items() if value is not None}

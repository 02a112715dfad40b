"""The operations on schedules.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.errors import AwsError
from localcloud.pagination import InvalidToken, page
from localcloud.scheduler.definitions import (
    CheckRole,
    checked_definition,
    invalid,
    stored_members,
)
from localcloud.scheduler.groups import GroupOperations, check_name
from localcloud.scheduler.occurrences import next_occurrence
from localcloud.scheduler.store import DEFAULT_GROUP, Occurrence, ScheduleStore, StoredSchedule
from localcloud.service import CloudContext, Params, Result


def schedule_arn(context: CloudContext, schedule: StoredSchedule) -> str:
    """Return the ARN of a schedule."""
    return context.arn("scheduler", f"schedule/{schedule.group}/{schedule.name}")


class ScheduleOperations:
    """Create, update, get, list and delete schedules.

    `check_role` says whether Scheduler can assume the role of a target.
    """

    def __init__(
        self,
        context: CloudContext,
        store: ScheduleStore,
        groups: GroupOperations,
        target_services: Collection[str],
        check_role: CheckRole,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        """Operate on the schedules in `store`; `on_change` is called after every change."""
        self._check_role = check_role
        self._context = context
        self._store = store
        self._groups = groups
        self._target_services = target_services
        self._clock = clock
        self._on_change = on_change

    def create_schedule(self, params: Params) -> Result:
        """Create a schedule; the same request with the same ClientToken returns what exists."""
        group, name = _requested_group(params), params["Name"]
        check_name(name)
        self._groups.require_active_group(group)
        token = params.get("ClientToken")
        known = self._store.schedule(group, name)
        if known is not None:
            if token is not None and known.token == token and _is_unchanged(known, params):
                return {"ScheduleArn": schedule_arn(self._context, known)}
            raise AwsError("ConflictException", f"Schedule {name} already exists.", 409)
        now = self._clock()
        definition = self._checked(group, params, now)
        return self._save(
            StoredSchedule(
                group, name, definition, token, now, now, _first_occurrence(definition, now)
            )
        )

    def update_schedule(self, params: Params) -> Result:
        """Replace all settings of a schedule; settings that are not named get their defaults.

        An update that changes nothing does not move the next occurrence.
        """
        known, now = self._require_schedule(params), self._clock()
        self._groups.require_active_group(known.group)
        if _is_unchanged(known, params):
            return {"ScheduleArn": schedule_arn(self._context, known)}
        definition = self._checked(known.group, params, now)
        occurrence = _first_occurrence(definition, now)
        return self._save(
            replace(known, definition=definition, modified_at=now, occurrence=occurrence)
        )

    def _checked(self, group: str, params: Params, now: float) -> dict[str, Any]:
        definition = checked_definition(params, now, self._target_services)
        self._check_role(definition["Target"]["RoleArn"], self._groups.arn(group))
        return definition

    def _save(self, schedule: StoredSchedule) -> Result:
        self._store.put(schedule)
        self._on_change()
        return {"ScheduleArn": schedule_arn(self._context, schedule)}

    def _require_schedule(self, params: Params) -> StoredSchedule:
        group, name = _requested_group(params), params["Name"]
        self._groups.require_group(group)
        schedule = self._store.schedule(group, name)
        if schedule is None:
            raise AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
        return schedule

    def get_schedule(self, params: Params) -> Result:
        """Describe a schedule."""
        schedule = self._require_schedule(params)
        dates = {
            name: utc(schedule.definition[name])
            for name in ("StartDate", "EndDate")
            if name in schedule.definition
        }
        return {**self._summary(schedule), **schedule.definition, **dates}

    def _summary(self, schedule: StoredSchedule) -> dict[str, Any]:
        return {
            "Arn": schedule_arn(self._context, schedule),
            "Name": schedule.name,
            "GroupName": schedule.group,
            "State": schedule.definition["State"],
            "CreationDate": utc(schedule.created_at),
            "LastModificationDate": utc(schedule.modified_at),
            "Target": {"Arn": schedule.definition["Target"]["Arn"]},
        }

    def list_schedules(self, params: Params) -> Result:
        """List schedules by group, name prefix and state."""
        group, state = params.get("GroupName"), params.get("State")
        if group is not None:
            self._groups.require_group(group)
        matching = [
            schedule
            for schedule in self._store.schedules()
            if group in (None, schedule.group)
            and state in (None, schedule.definition["State"])
            and schedule.name.startswith(params.get("NamePrefix", ""))
        ]
        try:
            schedules, token = page(
                sorted(matching, key=_sort_key),
                _sort_key,
                params.get("MaxResults", 100),
                params.get("NextToken"),
            )
        except InvalidToken as error:
            raise invalid(str(error)) from error
        summaries = [self._summary(schedule) for schedule in schedules]
        return {"Schedules": summaries, **({"NextToken": token} if token else {})}

    def delete_schedule(self, params: Params) -> Result:
        """Delete a schedule; its deliveries in progress continue."""
        self._store.remove(self._require_schedule(params))
        self._on_change()
        return {}


def _first_occurrence(definition: Mapping[str, Any], now: float) -> Occurrence | None:
    """Return the first occurrence of a schedule created at `now`, which may be `now`."""
    return next_occurrence(definition, now - 0.001, now)


def _is_unchanged(known: StoredSchedule, params: Params) -> bool:
    return stored_members(params) == known.definition


def _requested_group(params: Params) -> str:
    return str(params.get("GroupName") or DEFAULT_GROUP)


def _sort_key(schedule: StoredSchedule) -> str:
    return f"{schedule.group}/{schedule.name}"

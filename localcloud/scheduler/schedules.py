"""The operations on schedules.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.errors import AwsError
from localcloud.paging import InvalidToken, page
from localcloud.scheduler.definitions import definition_of, invalid, storable
from localcloud.scheduler.firing import next_firing
from localcloud.scheduler.groups import GroupOperations, check_name
from localcloud.scheduler.store import DEFAULT_GROUP, Firing, Schedule, ScheduleStore
from localcloud.service import CloudContext, Params, Result


def schedule_arn(context: CloudContext, schedule: Schedule) -> str:
    """Return the ARN of a schedule."""
    return context.arn("scheduler", f"schedule/{schedule.group}/{schedule.name}")


class ScheduleOperations:
    """Create, update, get, list and delete schedules."""

    def __init__(
        self,
        context: CloudContext,
        store: ScheduleStore,
        groups: GroupOperations,
        kinds: Collection[str],
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        """Operate on the schedules in `store`; `changed` is called after every change."""
        self._context = context
        self._store = store
        self._groups = groups
        self._kinds = kinds
        self._clock = clock
        self._changed = changed

    def create_schedule(self, params: Params) -> Result:
        """Create a schedule; the same ClientToken again answers the same schedule."""
        group, name = _group(params), params["Name"]
        check_name(name)
        self._groups.existing(group)
        token = params.get("ClientToken")
        known = self._store.schedule(group, name)
        if known is not None:
            if token is not None and known.token == token:
                return {"ScheduleArn": schedule_arn(self._context, known)}
            raise AwsError("ConflictException", f"Schedule {name} already exists.", 409)
        now = self._clock()
        definition = definition_of(params, now, self._kinds)
        return self._save(
            Schedule(group, name, definition, token, now, now, _first(definition, now))
        )

    def update_schedule(self, params: Params) -> Result:
        """Replace everything about a schedule; what is not named falls to its default.

        An update that changes nothing leaves the schedule in its rhythm.
        """
        known, now = self._existing(params), self._clock()
        if _same(known, params):
            return {"ScheduleArn": schedule_arn(self._context, known)}
        definition = definition_of(params, now, self._kinds)
        first = _first(definition, now)
        return self._save(replace(known, definition=definition, modified_at=now, firing=first))

    def _save(self, schedule: Schedule) -> Result:
        self._store.put(schedule)
        self._changed()
        return {"ScheduleArn": schedule_arn(self._context, schedule)}

    def _existing(self, params: Params) -> Schedule:
        group, name = _group(params), params["Name"]
        self._groups.existing(group)
        schedule = self._store.schedule(group, name)
        if schedule is None:
            raise AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
        return schedule

    def get_schedule(self, params: Params) -> Result:
        """Describe a schedule."""
        schedule = self._existing(params)
        dates = {
            name: utc(schedule.definition[name])
            for name in ("StartDate", "EndDate")
            if name in schedule.definition
        }
        return {**self._summary(schedule), **schedule.definition, **dates}

    def _summary(self, schedule: Schedule) -> dict[str, Any]:
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
            self._groups.existing(group)
        found = [
            schedule
            for schedule in self._store.schedules()
            if group in (None, schedule.group)
            and state in (None, schedule.definition["State"])
            and schedule.name.startswith(params.get("NamePrefix", ""))
        ]
        try:
            chosen, token = page(
                sorted(found, key=_key),
                _key,
                params.get("MaxResults", 100),
                params.get("NextToken"),
            )
        except InvalidToken as error:
            raise invalid(str(error)) from error
        listed = [self._summary(schedule) for schedule in chosen]
        return {"Schedules": listed, **({"NextToken": token} if token else {})}

    def delete_schedule(self, params: Params) -> Result:
        """Delete a schedule; deliveries that it fired go on."""
        self._store.remove(self._existing(params))
        self._changed()
        return {}


def _first(definition: Mapping[str, Any], now: float) -> Firing | None:
    """Return the first firing of a schedule made at `now`, which may be at once."""
    return next_firing(definition, now - 0.001, now)


def _same(known: Schedule, params: Params) -> bool:
    return storable(params) == known.definition


def _group(params: Params) -> str:
    return str(params.get("GroupName") or DEFAULT_GROUP)


def _key(schedule: Schedule) -> str:
    return f"{schedule.group}/{schedule.name}"

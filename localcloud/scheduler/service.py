"""The EventBridge Scheduler service: one attribute for each API operation."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.events.delivery_queue import Deliverers, DeliveryQueue, TargetDelivery
from localcloud.events.due_timer import DueTimer
from localcloud.scheduler.definitions import CheckRole
from localcloud.scheduler.groups import GroupOperations
from localcloud.scheduler.occurrences import (
    fill_attempt_number,
    flexible_window_s,
    next_occurrence,
    target_input,
)
from localcloud.scheduler.schedules import ScheduleOperations, schedule_arn
from localcloud.scheduler.store import ScheduleStore, StoredSchedule, open_database
from localcloud.service import CloudContext


class SchedulerService:
    """EventBridge Scheduler, botocore service `scheduler`, on one SQLite file.

    If occurrences of a schedule were missed while the cloud was down, the schedule fires once
    at the next start, for the earliest of them, and then continues as planned. AWS has no such
    outage to say what happens then: once is what wakes a target that makes up for the rest by
    itself, and what one that does not can bear after a holiday. The age that
    MaximumEventAgeInSeconds limits counts from the scheduled time.
    """

    name = "scheduler"

    def __init__(
        self,
        context: CloudContext,
        targets: Deliverers,
        clock: Clock = time.time,
        check_role: CheckRole = lambda role_arn, group_arn: None,
    ) -> None:
        """Open the database in the data folder; `targets` may be filled until `start`.

        Without `check_role`, every role is one that Scheduler can assume.
        """
        self._context = context
        self._clock = clock
        self._database = open_database(context.folder("scheduler"))
        self._store = ScheduleStore(self._database, clock)
        self._check_role = check_role
        self._deliveries = DeliveryQueue(
            self._database,
            targets,
            clock,
            "scheduler-delivery",
            fill_attempt_number,
            self._check_sender,
        )
        self._timer = DueTimer("scheduler-clock", clock, self._store.next_fire_at, self.fire_due)
        groups = GroupOperations(context, self._store, clock, self._timer.wake)
        schedules = ScheduleOperations(
            context, self._store, groups, targets, check_role, clock, self._timer.wake
        )

        self.create_schedule = schedules.create_schedule
        self.update_schedule = schedules.update_schedule
        self.get_schedule = schedules.get_schedule
        self.list_schedules = schedules.list_schedules
        self.delete_schedule = schedules.delete_schedule

        self.create_schedule_group = groups.create_schedule_group
        self.get_schedule_group = groups.get_schedule_group
        self.list_schedule_groups = groups.list_schedule_groups
        self.delete_schedule_group = groups.delete_schedule_group
        self.tag_resource = groups.tag_resource
        self.untag_resource = groups.untag_resource
        self.list_tags_for_resource = groups.list_tags_for_resource

    def start(self) -> None:
        """Continue the deliveries of an earlier run, and begin to fire schedules."""
        self._deliveries.start()
        self._timer.start()

    def stop(self) -> None:
        """End the threads; undelivered payloads are delivered after the next start."""
        self._timer.stop()
        self._deliveries.stop()
        self._database.close()

    def wake(self) -> None:
        """Wake the threads after the clock was moved, as tests do."""
        self._timer.wake()
        self._deliveries.wake()

    def pending_deliveries(self) -> int:
        """Return the number of deliveries that are neither made nor dead-lettered."""
        return self._deliveries.pending()

    def fire_due(self) -> None:
        """Fire every schedule that is due; each firing is durable before the next.

        Groups whose deletion is due are then deleted.
        """
        for schedule in self._store.due(self._clock()):
            self._fire(schedule)
        self._store.end_group_deletions(self._clock())

    def _fire(self, schedule: StoredSchedule) -> None:
        assert schedule.occurrence is not None
        missed_until = self._clock() - flexible_window_s(schedule.definition)
        following = next_occurrence(
            schedule.definition,
            max(missed_until, schedule.occurrence.scheduled_at),
            schedule.modified_at,
        )
        delivery = self._delivery(schedule, schedule.occurrence.scheduled_at)
        with self._database.transaction() as connection:
            recorded = self._store.record_firing(connection, schedule, following)
            ids = self._deliveries.add(connection, [delivery]) if recorded else []
        self._deliveries.announce(ids)

    def _check_sender(self, definition: Mapping[str, Any]) -> None:
        """Raise AccessDenied unless Scheduler can still assume the role of a delivery."""
        schedule = str(definition["SourceArn"])
        group = schedule.replace(":schedule/", ":schedule-group/").rpartition("/")[0]
        try:
            self._check_role(str(definition["RoleArn"]), group)
        except AwsError as error:
            raise AwsError("AccessDenied", error.message, 403) from error

    def _delivery(self, schedule: StoredSchedule, scheduled_at: float) -> TargetDelivery:
        arn, target = schedule_arn(self._context, schedule), schedule.definition["Target"]
        text = target_input(target, arn, scheduled_at, str(uuid.uuid4()), self._context.account_id)
        return TargetDelivery(
            target["Arn"], target, text, scheduled_at, text, {"SCHEDULE_ARN": arn}
        )

"""The EventBridge Scheduler service: its parts put together, one attribute an operation."""

from __future__ import annotations

import time
import uuid

from localcloud.clock import Clock
from localcloud.events.alarms import Alarm
from localcloud.events.deliveries import Delivery, DeliveryQueue, Targets
from localcloud.scheduler.firing import input_of, next_firing, window_of, with_attempt
from localcloud.scheduler.groups import GroupOperations
from localcloud.scheduler.schedules import ScheduleOperations, schedule_arn
from localcloud.scheduler.store import Schedule, ScheduleStore, open_database
from localcloud.service import CloudContext


class SchedulerService:
    """EventBridge Scheduler, botocore service `scheduler`, on one SQLite file.

    However many occurrences of a schedule were missed while the cloud was down, it fires once
    at the next start, for the earliest of them, and then goes on as planned. The age that
    MaximumEventAgeInSeconds bounds counts from the scheduled time.
    """

    name = "scheduler"

    def __init__(self, context: CloudContext, targets: Targets, clock: Clock = time.time) -> None:
        """Open the schedules; deliver by `targets`, which may be filled in until `start`."""
        self._context = context
        self._clock = clock
        self._database = open_database(context.folder("scheduler"))
        self._store = ScheduleStore(self._database, clock)
        self._deliveries = DeliveryQueue(
            self._database, targets, clock, "scheduler-delivery", with_attempt
        )
        self._alarm = Alarm("scheduler-clock", clock, self._store.next_fire_at, self.fire_due)
        groups = GroupOperations(context, self._store, self._alarm.wake)
        schedules = ScheduleOperations(
            context, self._store, groups, targets, clock, self._alarm.wake
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
        """Take up the deliveries an earlier run left, and begin to fire."""
        self._deliveries.start()
        self._alarm.start()

    def stop(self) -> None:
        """End the threads; what was not delivered waits for the next start."""
        self._alarm.stop()
        self._deliveries.stop()
        self._database.close()

    def wake(self) -> None:
        """Make the threads look again; for a caller that moved the clock."""
        self._alarm.wake()
        self._deliveries.wake()

    def pending_deliveries(self) -> int:
        """Return how many deliveries are neither made nor dead-lettered."""
        return self._deliveries.pending()

    def fire_due(self) -> None:
        """Fire every schedule that is due; each firing is durable before the next."""
        for schedule in self._store.due(self._clock()):
            self._fire(schedule)

    def _fire(self, schedule: Schedule) -> None:
        assert schedule.firing is not None
        missed_until = self._clock() - window_of(schedule.definition)
        following = next_firing(
            schedule.definition,
            max(missed_until, schedule.firing.scheduled_at),
            schedule.modified_at,
        )
        delivery = self._delivery(schedule, schedule.firing.scheduled_at)
        with self._database.transaction() as connection:
            settled = self._store.settle(connection, schedule, following)
            ids = self._deliveries.add(connection, [delivery]) if settled else []
        self._deliveries.announce(ids)

    def _delivery(self, schedule: Schedule, scheduled_at: float) -> Delivery:
        arn, target = schedule_arn(self._context, schedule), schedule.definition["Target"]
        text = input_of(target, arn, scheduled_at, str(uuid.uuid4()), self._context.account_id)
        return Delivery(target["Arn"], target, text, scheduled_at, text, {"SCHEDULE_ARN": arn})

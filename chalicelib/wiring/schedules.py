"""The composition root of schedules: their event handlers, and what the API changes them by."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import ScheduleSettings

if TYPE_CHECKING:
    from chalicelib.schedules.handlers import ScheduleHandlers


def schedules(environ: Mapping[str, str]) -> ScheduleHandlers:
    """Return the handlers for the stage that `environ` describes, built once a process."""
    return _handlers(ScheduleSettings.from_environ(environ))


@functools.cache
def _handlers(settings: ScheduleSettings) -> ScheduleHandlers:
    # Imported here: the API's Lambda ships the same `app.py` and needs none of this to start.
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.adapters.records.jobs import JobTable
    from chalicelib.adapters.records.schedules import ScheduleTable
    from chalicelib.adapters.s3 import S3Objects
    from chalicelib.adapters.scheduler import SchedulerGroup
    from chalicelib.adapters.stepfunctions import JobMachines
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.jobs.launcher import JobLauncher
    from chalicelib.schedules.dispatch import RunDispatcher
    from chalicelib.schedules.entries import EntryKeeper
    from chalicelib.schedules.handlers import ScheduleHandlers
    from chalicelib.schedules.settlement import RunSettler

    table = DynamoTable(aws.dynamodb(), settings.records_table)
    records, jobs = ScheduleTable(table), JobTable(table)
    machines = JobMachines(aws.stepfunctions(), {"schedule": settings.schedule_machine_arn})
    launcher = JobLauncher(jobs, machines, _now)
    settler = RunSettler(
        records=records,
        jobs=jobs,
        launcher=launcher,
        bus=EventBridgeBus(aws.events(), settings.event_bus),
        cost=lambda unit, quantity: catalogue().cost(unit, quantity),
        now=_now,
    )
    dispatcher = RunDispatcher(
        records=records,
        jobs=jobs,
        launcher=launcher,
        settler=settler,
        max_running=settings.max_scheduled_runs,
        bucket=settings.bucket,
        now=_now,
    )
    entries = SchedulerGroup(
        aws.scheduler(),
        settings.schedule_group,
        settings.schedule_queue_arn,
        settings.schedule_dead_letters_arn,
        settings.schedule_role_arn,
    )

    def delete_objects(prefix: str) -> int:
        return S3Objects(aws.s3()).delete_prefix(settings.bucket, prefix)

    keeper = EntryKeeper(records, entries, delete_objects, _now)
    return ScheduleHandlers(records, dispatcher, settler, keeper)


def _now() -> datetime:
    return datetime.now(UTC)

"""The composition root of the event handlers in `app.py`."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import IngestSettings

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import MemberGoneDetail
    from chalicelib.contracts.removals import RemovalBound
    from chalicelib.ingest.handlers import IngestHandlers


def ingest(environ: Mapping[str, str]) -> IngestHandlers:
    """Return the handlers for the stage that `environ` describes, built once a process."""
    return _handlers(IngestSettings.from_environ(environ))


@functools.cache
def _handlers(settings: IngestSettings) -> IngestHandlers:
    # Imported here: the API's Lambda ships the same `app.py` and needs none of this to start.
    from chalicelib.adapters import aws
    from chalicelib.adapters.api_records import ApiRecords
    from chalicelib.adapters.dynamodb import Table
    from chalicelib.adapters.events import Bus
    from chalicelib.adapters.feedback_records import FeedbackRecords
    from chalicelib.adapters.job_executions import JobMachines
    from chalicelib.adapters.job_records import JobTable
    from chalicelib.adapters.objects import Objects
    from chalicelib.adapters.queue import Inbox
    from chalicelib.adapters.records import Records
    from chalicelib.adapters.stepfunctions import IngestExecutions
    from chalicelib.adapters.vectors import Vectors
    from chalicelib.ingest.arrivals import Arrivals
    from chalicelib.ingest.departures import Departures, MemberRemoval, member_removal
    from chalicelib.ingest.handlers import IngestHandlers
    from chalicelib.ingest.ratings import Ratings
    from chalicelib.ingest.removal import Removal
    from chalicelib.ingest.settlements import Settlements
    from chalicelib.jobs.launcher import JobLauncher
    from chalicelib.jobs.ulids import ulid

    table = Table(aws.dynamodb(), settings.records_table)
    records = Records(table)
    removable = ApiRecords(table)
    executions = IngestExecutions(aws.stepfunctions(), settings.ingest_machine_arn)
    objects = Objects(aws.s3())
    queue = Inbox(aws.sqs(), settings.inbox_queue_url)
    vectors = Vectors(aws.s3vectors())
    departures = Departures(objects, queue)
    ratings = Ratings(FeedbackRecords(table), objects)

    machines = JobMachines(aws.stepfunctions(), {"remove": settings.remove_machine_arn})
    launcher = JobLauncher(JobTable(table), machines, _now)

    def remover(bucket: str) -> Removal:
        return Removal(bucket, removable, records, objects, vectors, departures, ratings)

    def remove_later(gone: MemberGoneDetail, bound: RemovalBound) -> None:
        launcher.launch(member_removal(gone, bound, ulid(_now())))

    arrivals = Arrivals(
        records=records,
        tenants=records,
        objects=objects,
        executions=executions,
        queue=queue,
        departed=MemberRemoval(records, objects, remover, remove_later),
        machine_arn=settings.ingest_machine_arn,
        max_running=settings.max_running_ingests,
        now=_now,
        chance=random.random,
    )
    settlements = Settlements(
        records=records,
        tenants=records,
        executions=executions,
        objects=objects,
        vectors=vectors,
        departures=departures,
        remover=remover,
        bus=Bus(aws.events(), settings.event_bus),
        now=_now,
    )
    return IngestHandlers(arrivals, settlements, records)


def _now() -> datetime:
    return datetime.now(UTC)

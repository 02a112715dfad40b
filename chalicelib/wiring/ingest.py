"""The composition root of the event handlers in `app.py`."""

from __future__ import annotations

import functools
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
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.adapters.records.documents import ApiDocumentTable
    from chalicelib.adapters.records.feedback import FeedbackTable
    from chalicelib.adapters.records.ingest import IngestTable
    from chalicelib.adapters.records.jobs import JobTable
    from chalicelib.adapters.records.waitlist import WaitlistTable
    from chalicelib.adapters.s3 import S3Objects
    from chalicelib.adapters.s3vectors import Vectors
    from chalicelib.adapters.sqs import Inbox
    from chalicelib.adapters.stepfunctions import IngestExecutions, JobMachines
    from chalicelib.ingest.admission import Admission
    from chalicelib.ingest.arrival_extraction import ArrivalExtractor
    from chalicelib.ingest.arrivals import ArrivalProcessor
    from chalicelib.ingest.departures import DepartureAnnouncer, MemberRemover, member_removal_job
    from chalicelib.ingest.handlers import IngestHandlers
    from chalicelib.ingest.removal import DocumentRemoval, RatingRemoval
    from chalicelib.ingest.settlement import IngestSettler
    from chalicelib.jobs.launcher import JobLauncher
    from chalicelib.jobs.ulids import ulid

    table = DynamoTable(aws.dynamodb(), settings.records_table)
    records = IngestTable(table)
    removable = ApiDocumentTable(table)
    waiting = WaitlistTable(table)
    executions = IngestExecutions(aws.stepfunctions(), settings.ingest_machine_arn)
    objects = S3Objects(aws.s3())
    queue = Inbox(aws.sqs(), settings.inbox_queue_url)
    vectors = Vectors(aws.s3vectors())
    departures = DepartureAnnouncer(objects, queue)
    ratings = RatingRemoval(FeedbackTable(table), objects)

    machines = JobMachines(
        aws.stepfunctions(),
        {"remove": settings.remove_machine_arn, "extract": settings.extract_machine_arn},
    )
    launcher = JobLauncher(JobTable(table), machines, _now)

    def remover(bucket: str) -> DocumentRemoval:
        return DocumentRemoval(bucket, removable, records, objects, vectors, departures, ratings)

    def remove_later(gone: MemberGoneDetail, bound: RemovalBound) -> None:
        launcher.launch(member_removal_job(gone, bound, ulid(_now())))

    arrivals = ArrivalProcessor(
        records=records,
        tenants=records,
        objects=objects,
        executions=executions,
        waiting=waiting,
        departed=MemberRemover(records, objects, remover, remove_later),
        machine_arn=settings.ingest_machine_arn,
        max_running=settings.max_running_ingests,
        now=_now,
    )
    settlements = IngestSettler(
        records=records,
        tenants=records,
        executions=executions,
        objects=objects,
        vectors=vectors,
        departures=departures,
        remover=remover,
        bus=EventBridgeBus(aws.events(), settings.event_bus),
        ready=ArrivalExtractor(records, launcher).begin,
        now=_now,
    )
    admission = Admission(waiting, records, arrivals, queue, settings.max_running_ingests)
    return IngestHandlers(arrivals, admission, settlements, records, queue)


def _now() -> datetime:
    return datetime.now(UTC)

"""The Lambda function `remove_data`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.documents import ApiDocumentTable
from chalicelib.adapters.records.feedback import FeedbackTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.records.tenant_erasure import TenantErasure
from chalicelib.adapters.s3 import S3Objects
from chalicelib.adapters.s3vectors import Vectors
from chalicelib.adapters.sqs import Inbox
from chalicelib.contracts.jobs import StepRequest
from chalicelib.ingest.departures import DepartureAnnouncer
from chalicelib.ingest.removal import DocumentRemoval, RatingRemoval
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import RemoveSettings, memory_gb
from functions.remove_data import core


@functools.cache
def deps(*, with_members: bool) -> core.Deps:
    """Return the collaborators of the core, built once per process and kind of removal.

    If every document is removed, the files of archives and mails are among them; if one is, its
    files have to be listed.
    """
    # Imported here: they take time of a start, and only the removal of a tenant needs them.
    from chalicelib.adapters.records.schedules import ScheduleTable
    from chalicelib.adapters.scheduler import EntryRemover
    from chalicelib.adapters.stepfunctions import JobMachines
    from chalicelib.schedules.erasure import ScheduleErasure

    settings = RemoveSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    jobs, records = JobTable(table), ApiDocumentTable(table)
    vectors, objects, ratings = Vectors(aws.s3vectors()), S3Objects(aws.s3()), FeedbackTable(table)
    queue = Inbox(aws.sqs(), settings.inbox_queue_url) if with_members else None
    departures = DepartureAnnouncer(objects, queue) if queue else None
    about = RatingRemoval(ratings, objects)
    return core.Deps(
        desk=StepContext(jobs, _now, time.perf_counter, memory_gb(os.environ)),
        jobs=jobs,
        documents=records,
        tenants=records,
        remover=DocumentRemoval(
            settings.bucket, records, records, objects, vectors, departures, about
        ),
        erasing=TenantErasure(aws.s3(), aws.s3vectors(), table),
        schedules=ScheduleErasure(
            ScheduleTable(table), EntryRemover(aws.scheduler(), settings.schedule_group), _now
        ),
        executions=JobMachines(aws.stepfunctions(), {"rollout": settings.rollout_machine_arn}),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one step of the removal that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("remove_data", request.correlation_id):
        return core.run(request, deps(with_members=request.kind == "remove_document")).model_dump(
            mode="json"
        )

"""The composition root of jobs: what their routes stand on, and their event handlers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.settings import JobSettings

if TYPE_CHECKING:
    from chalicelib.adapters.api_records import ApiRecords
    from chalicelib.adapters.job_executions import JobMachines
    from chalicelib.adapters.job_records import JobTable
    from chalicelib.api.batches import BatchServices
    from chalicelib.api.jobs import JobServices
    from chalicelib.contracts.uploads import PresignedUpload
    from chalicelib.jobs.job_settlement import JobHandlers, JobSettler


def job_events(environ: Mapping[str, str]) -> JobHandlers:
    """Return the handlers for the stage that `environ` describes, built once a process."""
    return _handlers(JobSettings.from_environ(environ))


def job_services(environ: Mapping[str, str], records: ApiRecords) -> JobServices:
    """Return what the API's routes about jobs stand on."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.batch_objects import BatchObjects
    from chalicelib.adapters.downloads import Downloads
    from chalicelib.api.jobs import JobServices
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.jobs.launcher import JobLauncher
    from chalicelib.jobs.ulids import ulid

    settings = JobSettings.from_environ(environ)
    table = _table(settings)
    objects = BatchObjects(aws.s3())
    return JobServices(
        launcher=JobLauncher(table, _machines(settings), _now),
        records=table,
        answers=records,
        sign=Downloads(aws.s3(), settings.bucket).sign,
        cost=catalogue().cost,
        bucket=settings.bucket,
        count=lambda prefix: sum(1 for _ in objects.keys(settings.bucket, prefix)),
        now=_now,
        new_id=ulid,
    )


def batch_services(environ: Mapping[str, str], jobs: JobServices) -> BatchServices:
    """Return what the API's routes about batches stand on."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.batch_objects import BatchObjects
    from chalicelib.api.batches import BatchServices

    bucket = JobSettings.from_environ(environ).bucket
    objects = BatchObjects(aws.s3())

    def sign(
        key: str, *, max_bytes: int, seconds: int, metadata: Mapping[str, str]
    ) -> PresignedUpload:
        return objects.sign_upload(
            bucket, key, max_bytes=max_bytes, seconds=seconds, metadata=metadata
        )

    return BatchServices(jobs=jobs, sign=sign, objects=objects, now=_now)


@functools.cache
def _handlers(settings: JobSettings) -> JobHandlers:
    from chalicelib.adapters import aws
    from chalicelib.adapters.events import Bus
    from chalicelib.jobs.job_settlement import JobHandlers

    table = _table(settings)
    bus = Bus(aws.events(), settings.event_bus)
    return JobHandlers(JobSettler(table, _machines(settings), bus, _now), table)


def _table(settings: JobSettings) -> JobTable:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import Table
    from chalicelib.adapters.job_records import JobTable

    return JobTable(Table(aws.dynamodb(), settings.records_table))


def _machines(settings: JobSettings) -> JobMachines:
    from chalicelib.adapters import aws
    from chalicelib.adapters.job_executions import JobMachines

    return JobMachines(
        aws.stepfunctions(),
        {
            "export": settings.export_machine_arn,
            "remove": settings.remove_machine_arn,
            "reindex": settings.reindex_machine_arn,
            "batch": settings.batch_machine_arn,
            "generate": settings.generate_machine_arn,
        },
    )


def _now() -> datetime:
    return datetime.now(UTC)

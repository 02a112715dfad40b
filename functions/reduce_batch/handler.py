"""The Lambda function `reduce_batch`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.contracts.jobs import StepRequest
from chalicelib.generation.catalogue import catalogue
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import BatchSettings, memory_gb
from chalicelib.wiring.budgets import recounts
from functions.reduce_batch import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = BatchSettings.from_environ(os.environ)
    jobs = JobTable(DynamoTable(aws.dynamodb(), settings.records_table))
    return core.Deps(
        desk=StepContext(jobs, lambda: datetime.now(UTC), time.perf_counter, memory_gb(os.environ)),
        objects=S3BatchObjects(aws.s3()),
        catalogue=catalogue,
        recount=recounts(os.environ),
        concurrency=settings.batch_concurrency,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do the step of the batch that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("reduce_batch", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

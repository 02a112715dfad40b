"""The Lambda function `export_documents`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.documents import ApiDocumentTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3 import S3Objects
from chalicelib.adapters.s3_streams import S3Archives
from chalicelib.contracts.jobs import StepRequest
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import RecordsSettings, memory_gb
from functions.export_documents import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RecordsSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    jobs = JobTable(table)
    return core.Deps(
        desk=StepContext(jobs, lambda: datetime.now(UTC), time.perf_counter, memory_gb(os.environ)),
        records=ApiDocumentTable(table),
        objects=S3Objects(aws.s3()),
        store=S3Archives(aws.s3()),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one step of the export that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("export_documents", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

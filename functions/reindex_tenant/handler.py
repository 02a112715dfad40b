"""The Lambda function `reindex_tenant`."""

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
from chalicelib.adapters.records.tenants import TenantTable
from chalicelib.adapters.s3 import S3Objects
from chalicelib.adapters.s3vectors import Indexes
from chalicelib.contracts.jobs import StepRequest
from chalicelib.generation.catalogue import embedding_dimensions
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import RecordsSettings, memory_gb
from functions.reindex_tenant import core, picture_steps


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RecordsSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    jobs = JobTable(table)
    return core.Deps(
        desk=StepContext(jobs, lambda: datetime.now(UTC), time.perf_counter, memory_gb(os.environ)),
        documents=ApiDocumentTable(table),
        pointers=TenantTable(table),
        indexes=Indexes(aws.s3vectors()),
        objects=S3Objects(aws.s3()),
        dimensions=embedding_dimensions,
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one step of the job that `event` names: a reindex, or images embedded again."""
    request = StepRequest.model_validate(event)
    with observed("reindex_tenant", request.correlation_id):
        if request.kind == "embed_pictures":
            of = deps()
            pictures = picture_steps.Deps(of.desk, of.documents, of.objects)
            return picture_steps.run(request, pictures).model_dump(mode="json")
        return core.run(request, deps()).model_dump(mode="json")

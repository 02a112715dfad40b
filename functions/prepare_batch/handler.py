"""The Lambda function `prepare_batch`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.contracts.jobs import StepRequest
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import BatchSettings, memory_gb
from chalicelib.wiring.models import models_of, place, stage_models
from functions.prepare_batch import core

if TYPE_CHECKING:
    from chalicelib.batches.prompt_items import PromptRenderer


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = BatchSettings.from_environ(os.environ)
    jobs = JobTable(DynamoTable(aws.dynamodb(), settings.records_table))
    return core.Deps(
        desk=StepContext(jobs, lambda: datetime.now(UTC), time.perf_counter, memory_gb(os.environ)),
        objects=S3BatchObjects(aws.s3()),
        models=stage_models(os.environ),
        place=place(os.environ),
        models_of=models_of(os.environ),
        prompts=_prompts,
        concurrency=settings.batch_concurrency,
    )


def _prompts(tenant: str) -> PromptRenderer:
    # Imported here so that Jinja is loaded by the first line that names a prompt, not at start.
    from chalicelib.adapters.records.prompts import PromptTable
    from chalicelib.batches.prompt_items import PromptRenderer
    from chalicelib.generation.fences import random_fence
    from chalicelib.prompts.library import read_version

    settings = BatchSettings.from_environ(os.environ)
    records = PromptTable(DynamoTable(aws.dynamodb(), settings.records_table))
    look_up = functools.partial(read_version, records, tenant)
    return PromptRenderer(look_up, random_fence, time.monotonic)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do the step of the batch that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("prepare_batch", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

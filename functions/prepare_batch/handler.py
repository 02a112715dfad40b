"""The Lambda function `prepare_batch`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import aws
from chalicelib.adapters.batch_objects import BatchObjects
from chalicelib.adapters.dynamodb import Table
from chalicelib.adapters.job_records import JobTable
from chalicelib.contracts.jobs import StepRequest
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import observed
from chalicelib.settings import BatchSettings, memory_gb
from chalicelib.wiring.models import models_of, place
from functions.prepare_batch import core

if TYPE_CHECKING:
    from chalicelib.batches.prompt_items import PromptRenderer


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    settings = BatchSettings.from_environ(os.environ)
    jobs = JobTable(Table(aws.dynamodb(), settings.records_table))
    return core.Deps(
        desk=StepContext(jobs, lambda: datetime.now(UTC), time.perf_counter, memory_gb(os.environ)),
        objects=BatchObjects(aws.s3()),
        served=served_models,
        prices=lambda: catalogue().prices,
        place=place(os.environ),
        models_of=models_of(os.environ),
        prompts=_prompts,
        concurrency=settings.batch_concurrency,
    )


def _prompts(tenant: str) -> PromptRenderer:
    # Imported here: Jinja is loaded by the first line that names a prompt, and at no start.
    from chalicelib.adapters.prompt_records import PromptRecords
    from chalicelib.batches.prompt_items import PromptRenderer
    from chalicelib.generation.fences import random_fence
    from chalicelib.prompting.library import version_of

    settings = BatchSettings.from_environ(os.environ)
    records = PromptRecords(Table(aws.dynamodb(), settings.records_table))
    look_up = functools.partial(version_of, records, tenant)
    return PromptRenderer(look_up, random_fence, time.monotonic)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do the step of the batch that `event` names."""
    request = StepRequest.model_validate(event)
    with observed("prepare_batch", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

"""The Lambda function `harvest_batch`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.bedrock_batches import BedrockBatches
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.contracts.jobs import StepRequest
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import log_refusal, logger, observed
from chalicelib.settings import HarvestSettings, memory_gb
from chalicelib.wiring.generation import generator
from functions.harvest_batch import core

SERVICE = "harvest_batch"


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = HarvestSettings.from_environ(os.environ)
    jobs = JobTable(DynamoTable(aws.dynamodb(), settings.records_table))
    stage = generator(os.environ).deps
    return core.Deps(
        desk=StepContext(jobs, lambda: datetime.now(UTC), time.perf_counter, memory_gb(os.environ)),
        objects=S3BatchObjects(aws.s3()),
        jobs=BedrockBatches(aws.bedrock(), settings.batch_role_arn),
        budgets=stage.budgets,
        accounts=stage.cost_model,
        screens=lambda spender: stage.open_screening(spender) is not None,
        poll_seconds=settings.batch_poll_seconds,
        log=lambda error: log_refusal(logger(SERVICE), error),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do the step of the batch that `event` names."""
    request = StepRequest.model_validate(event)
    with observed(SERVICE, request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

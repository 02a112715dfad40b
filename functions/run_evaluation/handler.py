"""The Lambda function `run_evaluation`."""

from __future__ import annotations

import functools
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.evaluations import VerdictTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.contracts.jobs import StepRequest
from chalicelib.errors import HeadraceError
from chalicelib.evaluation.estimate import estimate_suite
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import log_refusal, logger, observed
from chalicelib.settings import BatchSettings, memory_gb
from chalicelib.wiring.models import models_of, place, stage_models
from functions.run_evaluation import core

if TYPE_CHECKING:
    from chalicelib.contracts.batches import BatchEstimate
    from chalicelib.contracts.evaluations.jobs import EvaluationInput

SERVICE = "run_evaluation"
THREADS = 4
"""Cases that a child runs at once."""


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = BatchSettings.from_environ(os.environ)
    table = DynamoTable(aws.dynamodb(), settings.records_table)
    models, allowed = stage_models(os.environ), models_of(os.environ)

    def estimate(tenant: str, given: EvaluationInput) -> BatchEstimate:
        return estimate_suite(
            given.suite,
            {each.target: each for each in given.pinned},
            place(os.environ),
            allowed(tenant),
            models(),
            _now(),
            settings.batch_concurrency * THREADS,
        )

    return core.Deps(
        desk=StepContext(JobTable(table), _now, time.perf_counter, memory_gb(os.environ)),
        objects=S3BatchObjects(aws.s3()),
        estimate=estimate,
        verdicts=VerdictTable(table, _now),
        concurrency=settings.batch_concurrency,
        log=_log,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do the step of the evaluation that `event` names."""
    request = StepRequest.model_validate(event)
    with observed(SERVICE, request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

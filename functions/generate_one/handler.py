"""The Lambda function `generate_one`."""

from __future__ import annotations

import functools
import os
import random
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.budgets.leased_budgets import LeasedBudgets
from chalicelib.contracts.jobs import StepRequest
from chalicelib.errors import HeadraceError
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.dependencies import CallLimits
from chalicelib.jobs.steps import StepContext
from chalicelib.observability import log_refusal, logger, observed
from chalicelib.settings import RecordsSettings, memory_gb
from chalicelib.wiring.budgets import budgets, recounts
from chalicelib.wiring.generation import generator
from chalicelib.wiring.models import models_of, place, stage_models
from functions.generate_one import core

SERVICE = "generate_one"


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RecordsSettings.from_environ(os.environ)
    jobs = JobTable(DynamoTable(aws.dynamodb(), settings.records_table))
    purse = LeasedBudgets(budgets(os.environ), time.monotonic, _log, max_calls=1)
    answerer = generator(os.environ, purse)
    clock = answerer.deps.monotonic
    return core.Deps(
        desk=StepContext(jobs, lambda: datetime.now(UTC), time.perf_counter, memory_gb(os.environ)),
        objects=S3BatchObjects(aws.s3()),
        answerer=answerer,
        purse=purse,
        models=stage_models(os.environ),
        catalogue=catalogue,
        place=place(os.environ),
        models_of=models_of(os.environ),
        recount=recounts(os.environ),
        within=lambda seconds: CallLimits(deadline=clock() + seconds),
        chance=random.random,
        log=_log,
        new_id=lambda: secrets.token_hex(8),
    )


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do the step of the job that `event` names."""
    request = StepRequest.model_validate(event)
    with observed(SERVICE, request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

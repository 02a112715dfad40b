"""The Lambda function `generate_items`."""

from __future__ import annotations

import functools
import os
import random
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.code_functions import RunCodeFunction
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.budgets.leased_budgets import LeasedBudgets
from chalicelib.contracts.batches import GenerateItemsRequest
from chalicelib.errors import HeadraceError
from chalicelib.observability import log_refusal, logger, observed
from chalicelib.settings import GenerateItemsSettings, memory_gb
from chalicelib.wiring.budgets import budgets
from chalicelib.wiring.generation import generator
from functions.generate_items import core
from functions.generate_items.code_runner import RUN_SECONDS
from functions.generate_items.item_worker import LOOK_SECONDS

SERVICE = "generate_items"


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = GenerateItemsSettings.from_environ(os.environ)
    purse = LeasedBudgets(budgets(os.environ), time.monotonic, _log)
    return core.Deps(
        jobs=JobTable(DynamoTable(aws.dynamodb(), settings.records_table)),
        objects=S3BatchObjects(aws.s3()),
        answerer=generator(os.environ, purse, LOOK_SECONDS),
        purse=purse,
        now=lambda: datetime.now(UTC),
        clock=time.monotonic,
        sleep=time.sleep,
        chance=random.random,
        memory_gb=memory_gb(os.environ),
        log=_log,
        new_id=lambda: secrets.token_hex(8),
        run_code=RunCodeFunction(aws.functions_within(RUN_SECONDS), settings.run_code_function),
    )


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer the items of `event`."""
    request = GenerateItemsRequest.model_validate(event)
    with observed(SERVICE, request.given.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

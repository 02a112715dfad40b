"""The Lambda function `evaluate_cases`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.contracts.evaluations.jobs import EvaluateCasesRequest
from chalicelib.observability import observed
from chalicelib.settings import RecordsSettings, memory_gb
from chalicelib.wiring.evaluations import case_runners
from functions.evaluate_cases import core

SERVICE = "evaluate_cases"


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    settings = RecordsSettings.from_environ(os.environ)
    objects = S3BatchObjects(aws.s3())
    return core.Deps(
        jobs=JobTable(DynamoTable(aws.dynamodb(), settings.records_table)),
        objects=objects,
        runner=case_runners(os.environ, objects),
        clock=time.monotonic,
        memory_gb=memory_gb(os.environ),
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run the cases of `event`."""
    request = EvaluateCasesRequest.model_validate(event)
    with observed(SERVICE, request.given.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

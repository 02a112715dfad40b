"""The Lambda function `score_answer`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.objects import Objects
from chalicelib.contracts.scoring import ScoreAnswerRequest
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.inference.scoring import opened
from chalicelib.observability import log_not_swapped, observed
from chalicelib.settings import ServingSettings
from functions.score_answer import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    settings = ServingSettings.from_environ(os.environ)
    versions = ModelVersions(Objects(aws.s3()), settings.bucket)
    return core.Deps(HotSwap(versions, opened, time.monotonic, log_not_swapped), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Score the answers of `event`."""
    request = ScoreAnswerRequest.model_validate(event)
    with observed("score_answer", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

"""The Lambda function `score_answer`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.scoring import ScoreAnswerRequest
from chalicelib.inference.scoring import opened
from chalicelib.observability import observed
from chalicelib.wiring.serving import served_models
from functions.score_answer import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    return core.Deps(served_models(os.environ, opened), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Score the answers of `event`."""
    request = ScoreAnswerRequest.model_validate(event)
    with observed("score_answer", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

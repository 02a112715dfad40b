"""The Lambda function `answer_image`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.looking import AnswerImageRequest
from chalicelib.inference.few_shot import opened
from chalicelib.observability import observed
from chalicelib.wiring.serving import served_models
from functions.answer_image import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    return core.Deps(served_models(os.environ, opened), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer what is asked of the picture of `event`."""
    request = AnswerImageRequest.model_validate(event)
    with observed("answer_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

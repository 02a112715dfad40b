"""The Lambda function `answer_image`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.objects import Objects
from chalicelib.contracts.looking import AnswerImageRequest
from chalicelib.inference.few_shot import opened
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.observability import log_not_swapped, observed
from chalicelib.settings import ServingSettings
from functions.answer_image import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    settings = ServingSettings.from_environ(os.environ)
    versions = ModelVersions(Objects(aws.s3()), settings.bucket)
    return core.Deps(HotSwap(versions, opened, time.monotonic, log_not_swapped), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer what is asked of the picture of `event`."""
    request = AnswerImageRequest.model_validate(event)
    with observed("answer_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

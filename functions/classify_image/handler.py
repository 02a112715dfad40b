"""The Lambda function `classify_image`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.looking import ClassifyImageRequest
from chalicelib.inference.towers import opened
from chalicelib.observability import observed
from chalicelib.wiring.serving import served_models
from functions.classify_image import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    return core.Deps(served_models(os.environ, opened), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Tell the classes of the pictures of `event`."""
    request = ClassifyImageRequest.model_validate(event)
    with observed("classify_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

"""The Lambda function `caption_image`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.looking import CaptionImageRequest
from chalicelib.inference.captioning import opened
from chalicelib.observability import observed
from chalicelib.wiring.serving import served_models
from functions.caption_image import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    return core.Deps(served_models(os.environ, opened), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Caption the picture of `event`."""
    request = CaptionImageRequest.model_validate(event)
    with observed("caption_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

"""The Lambda function `embed_image`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.looking import EmbedImageRequest
from chalicelib.inference.towers import opened
from chalicelib.observability import observed
from chalicelib.serving_wiring import served_models
from functions.embed_image import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    return core.Deps(served_models(os.environ, opened), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Embed the pictures or texts of `event`."""
    request = EmbedImageRequest.model_validate(event)
    with observed("embed_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

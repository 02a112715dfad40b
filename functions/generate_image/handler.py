"""The Lambda function `generate_image`."""

from __future__ import annotations

import functools
import os
import secrets
import time
from typing import Any

from chalicelib.contracts.drawing import MAX_SEED, GenerateImageRequest
from chalicelib.inference.drawing import opened
from chalicelib.observability import observed
from chalicelib.wiring.serving import served_models
from functions.generate_image import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    models = served_models(os.environ, opened)
    return core.Deps(models, lambda: secrets.randbelow(MAX_SEED + 1), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Draw the pictures that `event` asks for."""
    request = GenerateImageRequest.model_validate(event)
    with observed("generate_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

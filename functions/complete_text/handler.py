"""The Lambda function `complete_text`."""

from __future__ import annotations

import functools
import os
import secrets
import time
from typing import Any

from chalicelib.contracts.completing import CompleteTextRequest
from chalicelib.contracts.drawing import MAX_SEED
from chalicelib.inference.completing import opened
from chalicelib.observability import observed
from chalicelib.wiring.serving import served_models
from functions.complete_text import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    models = served_models(os.environ, opened)
    return core.Deps(models, lambda: secrets.randbelow(MAX_SEED + 1), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Go on with the text of `event`."""
    request = CompleteTextRequest.model_validate(event)
    with observed("complete_text", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

"""The Lambda function `complete_text`."""

from __future__ import annotations

import functools
import os
import secrets
import time
from typing import Any

from chalicelib.adapters import aws
from chalicelib.adapters.model_versions import ModelVersions
from chalicelib.adapters.objects import Objects
from chalicelib.contracts.completing import CompleteTextRequest
from chalicelib.contracts.drawing import MAX_SEED
from chalicelib.inference.completing import opened
from chalicelib.inference.hot_swap import HotSwap
from chalicelib.observability import log_not_swapped, observed
from chalicelib.settings import ServingSettings
from functions.complete_text import core


@functools.cache
def deps() -> core.Deps:
    """Return what the core needs, built once a process."""
    settings = ServingSettings.from_environ(os.environ)
    versions = ModelVersions(Objects(aws.s3()), settings.bucket)
    models = HotSwap(versions, opened, time.monotonic, log_not_swapped)
    return core.Deps(models, lambda: secrets.randbelow(MAX_SEED + 1), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Go on with the text of `event`."""
    request = CompleteTextRequest.model_validate(event)
    with observed("complete_text", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

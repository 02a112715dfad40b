"""The Lambda function `screen_image`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.screening import ScreenImageRequest
from chalicelib.inference.open_nsfw import MODEL, NsfwClassifier
from chalicelib.observability import observed
from functions.screen_image import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    return core.Deps(
        NsfwClassifier.open(os.environ["HEADRACE_MODELS_DIR"]), MODEL, time.perf_counter
    )


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Screen the image of `event`."""
    request = ScreenImageRequest.model_validate(event)
    with observed("screen_image", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

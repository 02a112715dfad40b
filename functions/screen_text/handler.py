"""The Lambda function `screen_text`."""

from __future__ import annotations

import time
from typing import Any

from chalicelib.contracts.screening import ScreenTextRequest
from chalicelib.observability import observed
from functions.screen_text import core

DEPS = core.Deps(time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Screen the texts of `event`."""
    request = ScreenTextRequest.model_validate(event)
    with observed("screen_text", request.correlation_id):
        return core.run(request, DEPS).model_dump(mode="json")

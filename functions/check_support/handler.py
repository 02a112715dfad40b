"""The Lambda function `check_support`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.functions.check_support import CheckRequest
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.observability import observed
from functions.check_support import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    return core.Deps(WordEmbedder.open(os.environ["HEADRACE_MODELS_DIR"]), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Check the claims of `event` against its sources."""
    request = CheckRequest.model_validate(event)
    with observed("check_support", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

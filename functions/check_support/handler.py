"""The Lambda function `check_support`."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import Any

from chalicelib.contracts.functions.check_support import CheckRequest
from chalicelib.inference.pair_encoder import DIMENSIONS, PairEncoder
from chalicelib.observability import observed
from chalicelib.retrieval.answer.support.head import parse_support_head
from functions.check_support import core

HEAD = Path(__file__).with_name("head.json")


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    encoder = PairEncoder.open(os.environ["HEADRACE_MODELS_DIR"])
    head = parse_support_head(HEAD.read_text("utf-8"), DIMENSIONS)
    return core.Deps(encoder, head, time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Check the claims of `event` against its sources."""
    request = CheckRequest.model_validate(event)
    with observed("check_support", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

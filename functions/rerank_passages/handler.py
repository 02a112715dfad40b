"""The Lambda function `rerank_passages`."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import Any

from chalicelib.contracts.functions.rerank_passages import RerankRequest
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.observability import observed
from chalicelib.retrieval.search.reranker import parse_head
from functions.rerank_passages import core

HEAD = Path(__file__).with_name("head.json")


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    reader = WordEmbedder.open(os.environ["HEADRACE_MODELS_DIR"])
    return core.Deps(reader, parse_head(HEAD.read_text("utf-8")), time.perf_counter)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Score the passages of `event`."""
    request = RerankRequest.model_validate(event)
    with observed("rerank_passages", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

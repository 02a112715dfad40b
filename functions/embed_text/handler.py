"""The Lambda function `embed_text`."""

from __future__ import annotations

import functools
import os
import time
from typing import Any

from chalicelib.contracts.functions.embed_text import EmbedTextRequest
from chalicelib.inference.embedder import MODEL, Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.observability import observed
from functions.embed_text import core


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    return core.Deps(embedder, reader, time.perf_counter)


@functools.cache
def embedder(model: str) -> Embedder:
    """Return the embedder of `model`, opened once per process."""
    return Embedder.open(os.environ["HEADRACE_MODELS_DIR"], model or MODEL)


@functools.cache
def reader() -> WordEmbedder:
    """Return the default model as a reader of single words, opened once per process."""
    return WordEmbedder.open(os.environ["HEADRACE_MODELS_DIR"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Embed the texts of `event`."""
    request = EmbedTextRequest.model_validate(event)
    with observed("embed_text", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

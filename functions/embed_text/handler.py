"""The Lambda function `embed_text`."""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.functions.embed_text import EmbedTextRequest
from chalicelib.inference.embedder import MODEL, MODELS, Embedder
from chalicelib.inference.word_vectors import WordEmbedder
from chalicelib.observability import observed
from functions.embed_text import core

if TYPE_CHECKING:
    from chalicelib.inference.embedder import SentenceEmbedder


@functools.cache
def deps() -> core.Deps:
    """Return the collaborators of the core, built once per process."""
    return core.Deps(embedder, reader, time.perf_counter)


def embedder(model: str) -> SentenceEmbedder:
    """Return a model of the bundle, a version by its pinned name, or what serves as a name.

    What the stage trained is read from its bucket, and imported only when it is asked for: most
    processes answer by the bundle alone.
    """
    if not model or model in MODELS:
        return bundled(model or MODEL)
    from chalicelib.wiring.embedders import served_name, tuned_embedders

    bucket = os.environ["HEADRACE_BUCKET"]
    return tuned_embedders(bucket).get(served_name(model, bucket))


@functools.cache
def bundled(model: str) -> Embedder:
    """Return the embedder of `model`, opened once per process."""
    return Embedder.open(os.environ["HEADRACE_MODELS_DIR"], model)


@functools.cache
def reader() -> WordEmbedder:
    """Return the default model as a reader of single words, opened once per process."""
    return WordEmbedder.open(os.environ["HEADRACE_MODELS_DIR"])


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Embed the texts of `event`."""
    request = EmbedTextRequest.model_validate(event)
    with observed("embed_text", request.correlation_id):
        return core.run(request, deps()).model_dump(mode="json")

"""Embedding of the texts of one call by as many requests as the model's API takes them in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.adapters.models.call_limits import remaining_seconds, with_earlier_usage
from chalicelib.contracts.generations import EmbedCall, EmbedOutput, Reply, Usage
from chalicelib.errors import ModelFailure
from chalicelib.generation.bodies.embeddings import EmbeddingBody, require_texts
from chalicelib.generation.tokens import estimated_tokens

AskJson = Callable[[Mapping[str, Any], float | None], Any]
"""Sends a body, with the seconds that its answer may take, and returns the answer's JSON."""


def embed_texts(
    model: str,
    answered_by: str,
    call: EmbedCall,
    body: EmbeddingBody,
    ask: AskJson,
    seconds: float | None,
) -> Reply:
    """Return the vectors of `call` by `model`, which may take `seconds` together.

    Raises what `ask` raises, with the usage of earlier requests, and `ModelFailure` for another
    number of vectors than of texts.
    """
    require_texts(call, model)
    vectors: list[tuple[float, ...]] = []
    tokens = 0
    began = time.monotonic()
    for request in body.requests(call):
        with with_earlier_usage(Usage(tokens_in=tokens)):
            left = remaining_seconds(seconds, time.monotonic() - began)
            found = body.answer(ask(request, left))
        texts = call.texts[len(vectors) : len(vectors) + len(found.vectors)]
        vectors += found.vectors
        told = found.tokens
        tokens += told if told is not None else sum(map(estimated_tokens, texts))
    if len(vectors) != len(call.texts):
        raise ModelFailure(
            f"{model} gave {len(vectors)} vectors for {len(call.texts)} texts.",
            usage=Usage(tokens_in=tokens),
        )
    return Reply(
        model=model,
        answered_by=answered_by,
        output=EmbedOutput(vectors=tuple(vectors)),
        usage=Usage(tokens_in=tokens),
        seconds=0.0,
    )

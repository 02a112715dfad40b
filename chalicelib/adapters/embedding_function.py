"""Calls for vectors by the function `embed_text`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from chalicelib.adapters.call_bounds import after, left_of
from chalicelib.adapters.model_function import only
from chalicelib.contracts.generations import Call, EmbedCall, EmbedOutput, Reply, Usage
from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.generation.dependencies import Asking
    from chalicelib.generation.served import ServedModel

TEXTS_A_CALL = 64
"""Texts that are embedded by one invocation."""


class Embedder(Protocol):
    """A function that embeds texts."""

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        """Return one vector a text, in order; one that is too long is refused where it is not to
        `truncate`.
        """


class EmbeddingCalls:
    """What embeds texts by the model that lies beside the function's code."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def answer(self, model: ServedModel, call: Call, asking: Asking) -> Reply:
        """Return a vector a text, and raise as `AnsweringFunction.answer` does. An error tells what
        was used for the texts before.
        """
        wanted = only(EmbedCall, model, call)
        if wanted.dimensions not in {None, *model.limits.dimensions}:
            known = ", ".join(map(str, model.limits.dimensions))
            raise InvalidInput(f"{model.name} has {known} dimensions.", field="dimensions")
        vectors: list[tuple[float, ...]] = []
        tokens, seconds, answered_by = 0, 0.0, ""
        began = time.monotonic()
        for first in range(0, len(wanted.texts), TEXTS_A_CALL):
            texts = wanted.texts[first : first + TEXTS_A_CALL]
            with after(Usage(tokens_in=tokens), seconds):
                left_of(asking.seconds, time.monotonic() - began)
                result = self._embedder.embed(texts, asking.correlation_id, truncate=False)
            vectors += [tuple(map(float, vector)) for vector in result.vectors]
            tokens += result.tokens
            seconds += result.seconds
            answered_by = result.model
        return Reply(
            model=model.name,
            answered_by=answered_by,
            output=EmbedOutput(vectors=tuple(vectors)),
            usage=Usage(tokens_in=tokens),
            seconds=round(seconds, 6),
        )

"""Embed texts as unit vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.embed_text import EmbedTextRequest, EmbedTextResult

if TYPE_CHECKING:
    from chalicelib.inference.embedder import Embedder


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    They are models by name, "" for the default one, and a clock that returns seconds from any
    start.
    """

    embedder: Callable[[str], Embedder]
    clock: Callable[[], float]


def run(request: EmbedTextRequest, deps: Deps) -> EmbedTextResult:
    """Return one vector per text, in order.

    Raises:
        InvalidInput: a text is empty, or too long and not to be truncated.
        ModelFailure: the model is unknown, missing or failed.
    """
    began = deps.clock()
    embedder = deps.embedder(request.model)
    vectors, tokens = embedder.embed_counted(request.texts, truncate=request.truncate)
    return EmbedTextResult(
        vectors=tuple(tuple(vector) for vector in vectors.tolist()),
        model=embedder.model,
        tokens=tokens,
        seconds=deps.clock() - began,
    )

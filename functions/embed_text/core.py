"""Embed texts as unit vectors, and compare them with a question word by word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.embed_text import (
    EmbedTextRequest,
    EmbedTextResult,
    TextMatch,
)
from chalicelib.errors import InvalidInput
from chalicelib.retrieval.text.terms import tokenize

if TYPE_CHECKING:
    from chalicelib.inference.embedder import SentenceEmbedder
    from chalicelib.inference.word_vectors import WordEmbedder, WordVectors

_DECIMALS = 4
"""Digits of a cosine that are kept: the answer is read from JSON."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    They are models by name, "" for the default one, the default one as a reader of single words,
    and a clock that returns seconds from any start. What asks here has queries: passages are
    embedded where they are put into an index.
    """

    embedder: Callable[[str], SentenceEmbedder]
    reader: Callable[[], WordEmbedder]
    clock: Callable[[], float]


def run(request: EmbedTextRequest, deps: Deps) -> EmbedTextResult:
    """Return one vector per text, in order, and its comparison with the question if there is one.

    Raises:
        InvalidInput: a text is empty, or too long and not to be truncated; or a question is to be
            compared by a model that is not the default one.
        ModelFailure: the model is unknown, missing or failed.
        Conflict: the stage serves no version of the model.
        Throttled, Transient: a model that the stage serves cannot be loaded now.
    """
    if request.question:
        return _compared(request, deps)
    began = deps.clock()
    embedder = deps.embedder(request.model)
    vectors, tokens = embedder.embed_counted(request.texts, truncate=request.truncate, queries=True)
    return EmbedTextResult(
        vectors=tuple(tuple(vector) for vector in vectors.tolist()),
        model=embedder.model,
        tokens=tokens,
        seconds=deps.clock() - began,
    )


def _compared(request: EmbedTextRequest, deps: Deps) -> EmbedTextResult:
    """Return the texts' vectors and comparisons: the model reads each text once for both."""
    began = deps.clock()
    reader = deps.reader()
    if request.model not in {"", reader.model}:
        raise InvalidInput(
            f"{request.model} compares no words; {reader.model} does.", field="model"
        )
    question = _read(request.question, reader)
    read = [_read(text, reader) for text in request.texts]
    return EmbedTextResult(
        vectors=tuple(tuple(each.whole.tolist()) for each in read),
        model=reader.model,
        tokens=question.tokens + sum(each.tokens for each in read),
        seconds=deps.clock() - began,
        matches=tuple(_match(question, each) for each in read),
    )


def _read(text: str, reader: WordEmbedder) -> WordVectors:
    return reader.read(text, [(word.start, word.end) for word in tokenize(text)])


def _match(question: WordVectors, text: WordVectors) -> TextMatch:
    words, own = question.nearest(text)
    return TextMatch(
        cosine=round(question.cosine(text), _DECIMALS),
        words=tuple(round(value, _DECIMALS) for value in words),
        own=tuple(round(value, _DECIMALS) for value in own),
    )

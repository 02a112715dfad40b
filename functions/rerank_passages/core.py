"""Score passages by a model's comparison of their words with those of a query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.rerank_passages import (
    RerankPassage,
    RerankRequest,
    RerankResult,
)
from chalicelib.retrieval.search.reranker import (
    ComparedPassage,
    Features,
    RerankHead,
    passage_features,
)
from chalicelib.retrieval.text.terms import Word, tokenize

if TYPE_CHECKING:
    from chalicelib.inference.word_vectors import WordEmbedder, WordVectors


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` returns seconds from any start."""

    reader: WordEmbedder
    head: RerankHead
    clock: Callable[[], float]


def run(request: RerankRequest, deps: Deps) -> RerankResult:
    """Return one score per passage, in order.

    Raises `ModelFailure` if the model is missing or failed.
    """
    began = deps.clock()
    features, tokens = look(request, deps.reader)
    return RerankResult(
        scores=tuple(map(deps.head.score, features)),
        model=deps.reader.model,
        tokens=tokens,
        seconds=deps.clock() - began,
    )


def look(request: RerankRequest, reader: WordEmbedder) -> tuple[list[Features], int]:
    """Return each passage's features, and the number of tokens read; raise as `run` does."""
    words, query = _read(request.query, reader)
    compared = [_compared(passage, query, reader) for passage in request.passages]
    return passage_features(words, compared), query.tokens + sum(item.tokens for item in compared)


def _compared(passage: RerankPassage, asked: WordVectors, reader: WordEmbedder) -> ComparedPassage:
    words, read = _read(passage.text, reader)
    return ComparedPassage(
        words=words,
        heading=passage.heading,
        share=passage.share,
        likeness=asked.likeness(read),
        cosine=asked.cosine(read),
        tokens=read.tokens,
    )


def _read(text: str, reader: WordEmbedder) -> tuple[tuple[Word, ...], WordVectors]:
    words = tokenize(text)
    return words, reader.read(text, [(word.start, word.end) for word in words])

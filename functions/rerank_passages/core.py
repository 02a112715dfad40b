"""Scores passages by what a model tells of their words beside those of a query."""

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
    """Return a score a passage, in order.

    Raises `ModelFailure` where the model is missing or failed.
    """
    began = deps.clock()
    told, tokens = look(request, deps.reader)
    return RerankResult(
        scores=tuple(map(deps.head.score, told)),
        model=deps.reader.model,
        tokens=tokens,
        seconds=deps.clock() - began,
    )


def look(request: RerankRequest, reader: WordEmbedder) -> tuple[list[Features], int]:
    """Return the features of each passage, and how many tokens the model read; raise as `run`."""
    words, asked = _read(request.query, reader)
    seen = [_compared(passage, asked, reader) for passage in request.passages]
    return passage_features(words, seen), asked.tokens + sum(each.tokens for each in seen)


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

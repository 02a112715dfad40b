"""Reranking of the first passages of a search by features of their words and headings.

Each passage gets a score, a weighted sum of a few features. The model aligns the words of query and
passage; the weights were learned (`models/rerank_head.py`). Late interaction: Khattab and Zaharia,
ColBERT, 2020, https://arxiv.org/abs/2004.12832
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.functions.rerank_passages import (
    MAX_HEADING,
    MAX_TEXT,
    RerankPassage,
    RerankRequest,
)
from chalicelib.retrieval.text.terms import Word, stems, tokenize

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit

MAX_RERANKED = 20
"""The number of passages reranked. Thirty take half as long again, and gained nothing on one of two
tuning halves and 0.01 of nDCG@10 on the other."""

FEATURES = ("cosine", "index", "asked words", "own words", "heading", "length")
"""The features of a passage, in this order.

cosine: of the query's vector and the passage's. index: the index's score over the best passage's.
asked words: how near each word of the query comes to a word of the passage, by rarity. own words:
how near each word of the passage comes to one of the query. heading: the share of the heading's
words that the query holds. length: the logarithm of the passage's tokens.
"""

Features = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ComparedPassage:
    """A passage as the model compared it with the query.

    `likeness` has a row for each word of the query, with its cosine to each word of the passage.
    """

    words: tuple[Word, ...]
    heading: str
    share: float
    likeness: Sequence[Sequence[float]]
    cosine: float
    tokens: int


@dataclass(frozen=True, slots=True)
class RerankHead:
    """The learned weights, one per feature."""

    weights: Features

    def score(self, features: Features) -> float:
        """Return the relevance of a passage; higher is better."""
        return float(sum(map(operator.mul, self.weights, features)))


def parse_head(written: str) -> RerankHead:
    """Return the head from its JSON; raise ValueError if its features are not `FEATURES`."""
    document: Mapping[str, Any] = json.loads(written)
    weights: Mapping[str, float] = document["weights"]
    if tuple(weights) != FEATURES:
        raise ValueError(f"The head has weights for {list(weights)}, not for {list(FEATURES)}.")
    return RerankHead(tuple(float(weight) for weight in weights.values()))


def passage_features(query: Sequence[Word], passages: Sequence[ComparedPassage]) -> list[Features]:
    """Return the features of each passage; rarity of words is counted over all of them."""
    query_places = [at for at, word in enumerate(query) if word.carries_meaning] or range(
        len(query)
    )
    passage_stems = [{word.stem for word in passage.words} for passage in passages]
    rarities = [_rarity(query[at].stem, passage_stems) for at in query_places]
    query_stems = stems(query)
    return [_features(passage, query_places, rarities, query_stems) for passage in passages]


def _rarity(stem: str, held: Sequence[set[str]]) -> float:
    holding = sum(stem in known for known in held)
    return math.log(1 + (1 + len(held)) / (1 + holding))


def _features(
    passage: ComparedPassage,
    asked: Sequence[int],
    rarities: Sequence[float],
    wanted: frozenset[str],
) -> Features:
    rows = [passage.likeness[at] for at in asked]
    best = [max(row, default=0.0) for row in rows]
    own = [at for at, word in enumerate(passage.words) if word.carries_meaning]
    answering = [max((row[at] for row in rows), default=0.0) for at in own]
    heading = stems(tokenize(passage.heading))
    return (
        passage.cosine,
        passage.share,
        _mean(list(map(operator.mul, best, rarities)), sum(rarities)),
        _mean(answering, len(answering)),
        len(heading & wanted) / len(heading) if heading else 0.0,
        math.log(max(1, passage.tokens)),
    )


def _mean(values: Sequence[float], over: float) -> float:
    return math.fsum(values) / over if over else 0.0


def rerank_request(query: str, passages: Sequence[Hit], correlation_id: str) -> RerankRequest:
    """Return the request to the reranking function; texts are cut to what it reads."""
    best = max((passage.score for passage in passages), default=0.0)
    candidates = tuple(
        RerankPassage(
            text=passage.text[:MAX_TEXT],
            heading=passage.heading[:MAX_HEADING],
            share=max(0.0, passage.score / best) if best > 0 else 0.0,
        )
        for passage in passages
    )
    return RerankRequest(query=query[:MAX_TEXT], passages=candidates, correlation_id=correlation_id)


def apply_rerank_scores(passages: Sequence[Hit], scores: Sequence[float]) -> list[Hit]:
    """Return the passages in the order of `scores`, ties in the given order.

    The index scores are reassigned, the highest to the first passage and so on. So `score` keeps
    its scale beside the passages that were not reranked, and for boosts by a share of it.
    """
    order = sorted(range(len(passages)), key=lambda at: -scores[at])
    marks = sorted((passage.score for passage in passages), reverse=True)
    return [
        passages[at].model_copy(
            update={
                "score": mark,
                "scores": passages[at].scores.model_copy(update={"rerank": scores[at]}),
            }
        )
        for at, mark in zip(order, marks, strict=True)
    ]

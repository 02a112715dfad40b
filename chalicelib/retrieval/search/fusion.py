"""Scores and ranks of hits, and fusion of rankings by their scores or by reciprocal ranks.

A hybrid query of the index fuses by reciprocal ranks, which forget by how much a hit leads. So its
hits are ordered again, by their similarity and a share of their BM25 score. Neither is brought to
the scale of the query's own hits: then the small differences among similarities of a query that no
vector fits, such as an unknown name, would count as much as the only passage that has the name, and
a match of common words as much as one of rare words. S. Bruch et al., An Analysis of Fusion
Functions for Hybrid Retrieval, TOIS 2023. https://doi.org/10.1145/3596512

The index returns a distance, a BM25 score and the fused score, but no ranks.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryScores.html

The place of a hit among those returned, ordered by one score, is the best rank that it can have in
that ranking: hits that were not returned can only have pushed it down. And the fused score, a sum
of 1 / (60 + rank), is the greatest if each rank is the best possible. So where the best possible
ranks add up to the fused score, they are the ranks; elsewhere the ranks are unknown, which is also
the result if the index should use another constant than 60. G. Cormack et al., Reciprocal rank
fusion outperforms Condorcet and individual rank learning methods, SIGIR 2009.
https://doi.org/10.1145/1571941.1572114
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.search import Scores, TextScore, VectorScore

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit


RANK_CONSTANT = 60
_TOLERANCE = 1e-6
"""Relative: the service's numbers may have the precision of 32 bits. Among the 2,010 hits that are
fetched at most, one rank more or less changes a fused score by 1e-5 of itself at the least."""


@dataclass(frozen=True, slots=True)
class IndexScores:
    """The scores that the index gives for one hit; None if it is not in that ranking."""

    similarity: float | None = None
    bm25: float | None = None
    fused: float | None = None
    coverage: float = 1.0
    """How many of the question's terms the hit has, by `term_coverage`."""


def term_coverage(question: Collection[str], passage: str) -> float:
    """Return the share of the distinct terms of a question that a passage has.

    Args:
        question: The distinct terms of the question.
        passage: The terms of the passage, with spaces between them.
    """
    if not question:
        return 0.0
    return len(frozenset(question) & frozenset(passage.split())) / len(question)


BM25_WEIGHT = 0.025
"""Weight of a point of BM25 beside a cosine similarity, whose best are 0.3 to 0.7."""
RAISED_BEST_BM25 = 11.0
"""Points of the best hit by words, if it has all terms and fewer of its own: in a small index all
words are common, and the best has a few points where it would have more among thousands."""
COVERAGE_POWER = 1.5
"""Of the share of terms by which points are raised: one term of three raises by a fifth."""


@dataclass(frozen=True, slots=True)
class ScoreFusion:
    """The sum of similarity and BM25 of the hits of one query, by its first hits.

    These hold the best of both rankings: by reciprocal ranks the first of either is among the first
    62 of both.
    """

    least_similarity: float
    """That of a hit which is in the ranking by words only: its own is not told, and is lower."""
    raised: float
    """The factor of the points of a hit that has all terms; 1 if the best one has enough."""

    @classmethod
    def of(cls, hits: Sequence[IndexScores]) -> ScoreFusion:
        """Return the sum for a query whose first hits are these."""
        least = min((hit.similarity for hit in hits if hit.similarity is not None), default=0.0)
        best = max((hit.bm25 or 0.0 for hit in hits), default=0.0)
        return cls(least, max(1.0, RAISED_BEST_BM25 / best) if best > 0 else 1.0)

    def score(self, hit: IndexScores) -> float:
        """Return the score of a hit of the query; higher is better.

        Points are raised by the share of terms that the hit has: one word of several, which
        happens to be rare in a small index, is no reason to put a passage before nearer ones.
        """
        similarity = self.least_similarity if hit.similarity is None else hit.similarity
        raised = 1.0 + (self.raised - 1.0) * math.pow(hit.coverage, COVERAGE_POWER)
        return similarity + BM25_WEIGHT * raised * (hit.bm25 or 0.0)


def explain_scores(hits: Sequence[IndexScores]) -> list[Scores]:
    """Return the scores and ranks of `hits`, which are all hits of the index, in its order."""
    by_vector = _ranks([hit.similarity for hit in hits])
    by_text = _ranks([hit.bm25 for hit in hits])
    return [
        _scores(hit, vector, text)
        for hit, vector, text in zip(hits, by_vector, by_text, strict=True)
    ]


def _scores(hit: IndexScores, vector: int | None, text: int | None) -> Scores:
    certain = hit.fused is None or _adds_up(hit.fused, vector, text)
    return Scores(
        vector=None
        if hit.similarity is None
        else VectorScore(rank=vector if certain else None, similarity=hit.similarity),
        text=None if hit.bm25 is None else TextScore(rank=text if certain else None, bm25=hit.bm25),
        fused=hit.fused,
    )


def _adds_up(fused: float, *ranks: int | None) -> bool:
    best = math.fsum(1 / (RANK_CONSTANT + rank) for rank in ranks if rank is not None)
    return math.isclose(fused, best, rel_tol=_TOLERANCE)


def _ranks(values: Sequence[float | None]) -> list[int | None]:
    """Return the rank of each value, from 1 for the greatest; ties in order."""
    ranked = [at for at, value in enumerate(values) if value is not None]
    ranked.sort(key=lambda at: -(values[at] or 0.0))
    places: list[int | None] = [None] * len(values)
    for place, at in enumerate(ranked, start=1):
        places[at] = place
    return places


def fuse_rankings(first: Sequence[Hit], second: Sequence[Hit]) -> list[Hit]:
    """Return both rankings as one, by 1 / (60 + rank); on a tie the hit of `first` leads."""
    return sorted((*_placed(first), *_placed(second)), key=lambda hit: -hit.score)


def _placed(hits: Iterable[Hit]) -> Iterator[Hit]:
    for rank, hit in enumerate(hits, start=1):
        score = 1 / (RANK_CONSTANT + rank)
        scores = hit.scores.model_copy(update={"joined": score})
        yield hit.model_copy(update={"score": score, "scores": scores})

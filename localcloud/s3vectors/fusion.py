"""Reciprocal rank fusion of several rankings into one.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-querying-full-text-and-vector-search.html
"""

from __future__ import annotations

from collections.abc import Sequence

RANK_CONSTANT = 60


def fuse(rankings: Sequence[Sequence[int]], k: int = RANK_CONSTANT) -> list[tuple[int, float]]:
    """Return every item of `rankings` with its fused score, best first.

    An item scores 1 / (k + rank) for each ranking that it is in, ranks counted from 1. Equal
    scores are ordered by item, so that the result depends on nothing else.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (k + rank)
    return sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))

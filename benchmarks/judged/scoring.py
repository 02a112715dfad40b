"""Scores of rankings by judgements, and confidence intervals of their differences.

Gains count as they are, which is what trec_eval's `ndcg_cut` does. An answer is a document of any
gain; what was not ranked was not found.
Järvelin and Kekäläinen, 2002, https://doi.org/10.1145/582415.582418
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
SEED = 2026
LEVEL = 0.95

Gains = Mapping[str, int]
Metric = Callable[[Sequence[str], Gains], float]


def ndcg(ranked: Sequence[str], gains: Gains, depth: int) -> float:
    """Return the discounted gain of the first `depth`, over that of the best order, 0 to 1."""
    best = sorted(gains.values(), reverse=True)
    ideal = _discounted(best[:depth])
    return _discounted([gains.get(each, 0) for each in ranked[:depth]]) / ideal if ideal else 0.0


def _discounted(gains: Sequence[int]) -> float:
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))


def reciprocal_rank(ranked: Sequence[str], gains: Gains, depth: int) -> float:
    """Return 1 over the rank of the first answer, or 0 if none is among the first `depth`."""
    for place, each in enumerate(ranked[:depth], start=1):
        if gains.get(each, 0) > 0:
            return 1 / place
    return 0.0


def recall(ranked: Sequence[str], gains: Gains, depth: int) -> float:
    """Return the share of the answers that are among the first `depth`."""
    answers = {each for each, gain in gains.items() if gain > 0}
    return len(answers & set(ranked[:depth])) / len(answers) if answers else 0.0


METRICS: Mapping[str, Metric] = {
    "nDCG@10": lambda ranked, gains: ndcg(ranked, gains, 10),
    "MRR@10": lambda ranked, gains: reciprocal_rank(ranked, gains, 10),
    "Recall@10": lambda ranked, gains: recall(ranked, gains, 10),
    "Recall@100": lambda ranked, gains: recall(ranked, gains, 100),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of paired differences, and the interval that holds 95 % of resampled means."""

    mean: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Return whether the interval is on one side of zero."""
        return self.low > 0 or self.high < 0


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Return the mean paired difference of `ours` and `theirs`, with a bootstrap interval.

    Questions are drawn with replacement, both scores of each together; the draws are always the
    same. Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    Raises:
        ValueError: the two are not of the same questions, or are empty.
    """
    if len(ours) != len(theirs) or not ours:
        raise ValueError(f"{len(ours)} scores cannot be paired with {len(theirs)}.")
    paired = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    drawn = np.random.default_rng(SEED).integers(0, len(paired), (RESAMPLES, len(paired)))
    means = paired[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(float(paired.mean()), float(low), float(high))

"""Listwise learning of the weights: the candidates that answer, against the others of a question.

The loss is the cross-entropy of the softmax over a question's candidates (ListNet's, of the top
place), with a ridge, minimised by Adam over all questions at once, from zero: no chance takes part.
Cao et al., Learning to rank, ICML 2007, https://doi.org/10.1145/1273496.1273513
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEPS = 300
RATE = 0.02
RIDGE = 0.002
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True)
class CandidateLists:
    """The candidates of many questions, one after the other.

    `features` is (candidates, features); `question` numbers the question of each, from 0 and
    ascending; `answers` marks the candidates that answer. Each question has one that does.
    """

    features: Array
    question: NDArray[np.int64]
    answers: Mask
    count: int

    def of(self, chosen: Sequence[int]) -> CandidateLists:
        """Return the lists of the questions that are `chosen`, numbered anew."""
        place = np.full(self.count, -1)
        place[list(chosen)] = np.arange(len(chosen))
        kept = place[self.question] >= 0
        order = np.argsort(place[self.question[kept]], kind="stable")
        return CandidateLists(
            self.features[kept][order],
            place[self.question[kept]][order],
            self.answers[kept][order],
            len(chosen),
        )


def learn_weights(lists: CandidateLists) -> Array:
    """Return one weight a feature.

    Features are brought to one scale for the descent, and the weights back to their own.
    """
    spread = lists.features.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = (lists.features - lists.features.mean(axis=0)) / spread
    right = np.zeros(len(lists.question))
    weights = np.zeros(scaled.shape[1])
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        scores = scaled @ weights
        right[lists.answers] = _softmax(scores[lists.answers], lists.question[lists.answers])
        slope = (_softmax(scores, lists.question) - right) / lists.count
        gradient = scaled.T @ slope + RIDGE * weights
        first += (1 - _FIRST) * (gradient - first)
        second += (1 - _SECOND) * (gradient**2 - second)
        rate = RATE * (1 - (step - 1) / STEPS)
        unbiased = np.sqrt(second / (1 - _SECOND**step))
        weights -= rate * first / (1 - _FIRST**step) / (unbiased + _TINY)
    found: Array = weights / spread
    return found


def _softmax(scores: Array, question: NDArray[np.int64]) -> Array:
    """Return the softmax of the scores of each question."""
    count = int(question.max()) + 1
    best = np.full(count, -np.inf)
    np.maximum.at(best, question, scores)
    raised = np.exp(scores - best[question])
    shares: Array = raised / np.bincount(question, raised, count)[question]
    return shares


def first_answers(scores: Array, lists: CandidateLists, depth: int) -> float:
    """Return the share of questions with an answer among the `depth` candidates scored highest."""
    order = np.lexsort((-scores, lists.question))
    sizes = np.bincount(lists.question, minlength=lists.count)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - starts[lists.question[order]]
    seen = np.zeros(lists.count, bool)
    seen[lists.question[lists.answers & (place < depth)]] = True
    return float(seen.mean())

"""The sentences of a text that have most in common with its others.

LexRank: a random walk over sentences, each step to one that shares words with the last. G. Erkan
and D. R. Radev, LexRank: Graph-based Lexical Centrality as Salience in Text Summarization, 2004,
https://doi.org/10.1613/jair.1523. Of two alike only one is taken: J. Carbonell and J. Goldstein,
The Use of MMR, 1998, https://doi.org/10.1145/290941.291025.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

DAMPING = 0.85
"""The probability of a step by what is in common; of any other step, the rest."""
ROUNDS = 30
NEWNESS = 0.3
"""The weight of the greatest similarity to a sentence that was taken, against centrality."""
MIN_TERMS = 4
"""Shorter sentences say little, and are taken only where no others are."""

Weights = Mapping[str, float]


def central_sentences(terms: Sequence[Sequence[str]], count: int) -> list[int]:
    """Return the numbers of up to `count` sentences, in order, of the terms of all.

    Time grows with the number of pairs that share a term: up to some hundred sentences are meant.
    """
    vectors = _vectors(terms)
    alike = _alike(vectors)
    scores = _walk(alike)
    left = [number for number, each in enumerate(terms) if len(each) >= MIN_TERMS]
    left = left or [number for number, each in enumerate(terms) if each]
    highest = max(scores, default=0.0) or 1.0
    taken: list[int] = []
    while left and len(taken) < count:

        def worth(number: int) -> float:
            same = max((alike[number].get(other, 0.0) for other in taken), default=0.0)
            return (1 - NEWNESS) * scores[number] / highest - NEWNESS * same

        best = max(left, key=worth)
        left.remove(best)
        taken.append(best)
    return sorted(taken)


def _vectors(terms: Sequence[Sequence[str]]) -> list[Weights]:
    """Return each sentence's weights by term frequency and rarity, of length 1."""
    spread = Counter(term for each in terms for term in set(each))
    vectors: list[Weights] = []
    for each in terms:
        weights = {
            term: seen * math.log(1 + len(terms) / spread[term])
            for term, seen in Counter(each).items()
        }
        length = math.sqrt(math.fsum(value * value for value in weights.values())) or 1.0
        vectors.append({term: value / length for term, value in weights.items()})
    return vectors


def _alike(vectors: Sequence[Weights]) -> list[dict[int, float]]:
    """Return the cosine of each sentence with those that share a term, itself among them."""
    having: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(vectors):
        for term in each:
            having[term].append(number)
    found: list[dict[int, float]] = []
    for each in vectors:
        shared: dict[int, float] = defaultdict(float)
        for term, value in each.items():
            for other in having[term]:
                shared[other] += value * vectors[other][term]
        found.append(dict(shared))
    return found


def _walk(alike: Sequence[Mapping[int, float]]) -> list[float]:
    """Return how often a long random walk is at each sentence."""
    count = len(alike)
    totals = [math.fsum(each.values()) or 1.0 for each in alike]
    scores = [1 / count] * count if count else []
    for _ in range(ROUNDS):
        following = [(1 - DAMPING) / count] * count
        for number, each in enumerate(alike):
            share = DAMPING * scores[number] / totals[number]
            for other, value in each.items():
                following[other] += share * value
        scores = following
    return scores

"""Packing of passages into the token budget of a language model, by a 0/1 knapsack.

A 0/1 knapsack (Martello and Toth, Knapsack Problems, 1990): of all choices that fit, the one of
the greatest total worth. The best passage is always in it where it fits at all. Before that,
a passage that says again what a better one says is left out, and one that says it in part is
worth less. Everything here is deterministic arithmetic: equal input gives equal output, and of
equals the earlier wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.retrieval.text.terms import words

SHINGLE = 4
"""Words of one shingle (Broder, On the resemblance and containment of documents, 1997)."""
DUPLICATE_SHARE = 0.8
"""From this share of common shingles on, the worse of two passages is a duplicate."""
SHARPNESS = 0.05
"""Support by which a passage falls behind the best when it is worth e times less."""


@dataclass(frozen=True, slots=True)
class ContextItem:
    """A passage that can be packed: its text, support of an answer, and tokens."""

    text: str
    support: float
    tokens: int


def pack_context(items: Sequence[ContextItem], budget: int) -> list[int]:
    """Return the positions of the items to pack into `budget` tokens, best supported first.

    Worth falls off steeply with support (`SHARPNESS`): many weak passages are not worth a strong
    one, but may share what it leaves.
    """
    order = sorted(range(len(items)), key=lambda at: (-items[at].support, at))
    fitting = [at for at in order if items[at].tokens <= budget]
    if not fitting:
        return []
    kept = _unlike(items, fitting)
    first, others = kept[0][0], kept[1:]
    best = items[first].support
    worths = [
        math.exp((items[at].support - best) / SHARPNESS) * (1 - likeness) for at, likeness in others
    ]
    room = budget - items[first].tokens
    chosen = knapsack(worths, [items[at].tokens for at, _ in others], room)
    return [first, *(others[n][0] for n in chosen)]


def knapsack(worths: Sequence[float], weights: Sequence[int], budget: int) -> list[int]:
    """Return the positions, ascending, of the choice of the greatest total worth that fits.

    Worths and weights are not negative. Exact: states that are both heavier and worth no more
    than another are dropped, so there are never more than `budget` + 1 of them.
    """
    states: list[tuple[int, float, tuple[int, ...]]] = [(0, 0.0, ())]
    for at, (worth, weight) in enumerate(zip(worths, weights, strict=True)):
        with_it = [
            (total + weight, value + worth, (*chosen, at))
            for total, value, chosen in states
            if total + weight <= budget
        ]
        states = _undominated(states + with_it)
    return list(states[-1][2])


def _undominated(
    states: Sequence[tuple[int, float, tuple[int, ...]]],
) -> list[tuple[int, float, tuple[int, ...]]]:
    """Return the states, lightest first, each worth more than all that are no heavier."""
    kept: list[tuple[int, float, tuple[int, ...]]] = []
    for state in sorted(states, key=lambda state: (state[0], -state[1], state[2])):
        if not kept or state[1] > kept[-1][1]:
            kept.append(state)
    return kept


def _unlike(items: Sequence[ContextItem], order: Sequence[int]) -> list[tuple[int, float]]:
    """Return those of `order` that repeat no better one, with their likeness to the nearest."""
    kept: list[tuple[int, float]] = []
    seen: list[frozenset[tuple[str, ...]]] = []
    for at in order:
        own = shingles(items[at].text)
        likeness = max((containment(own, other) for other in seen), default=0.0)
        if likeness < DUPLICATE_SHARE:
            kept.append((at, likeness))
            seen.append(own)
    return kept


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of `SHINGLE` words of `text`, or all of its words where it has fewer."""
    found = words(text)
    runs = range(max(1, len(found) - SHINGLE + 1))
    return frozenset(tuple(found[start : start + SHINGLE]) for start in runs)


def containment(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Return the share of the smaller's shingles that the other holds, from 0 to 1."""
    return len(one & other) / min(len(one), len(other))

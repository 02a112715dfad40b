"""Packing of passages into the token budget of a language model, by a 0/1 knapsack.

A 0/1 knapsack (Martello and Toth, Knapsack Problems, 1990) finds, of all choices that fit, the one
of the greatest total worth. The best passage is always chosen if it fits at all. Before that, a
passage that repeats a better one is left out, and one that repeats it in part is worth less.
Everything here is deterministic arithmetic: equal input gives equal output, and among equals the
earlier wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.retrieval.text.terms import words

SHINGLE = 4
"""Words of one shingle (Broder, On the resemblance and containment of documents, 1997)."""
DUPLICATE_SHARE = 0.8
"""From this share of common shingles on, the less supported of two passages is a duplicate."""
SHARPNESS = 0.05
"""A passage whose support is lower than the best by this much is worth e times less."""


@dataclass(frozen=True, slots=True)
class ContextItem:
    """A passage that can be packed: its text, its support for an answer, and its tokens."""

    text: str
    support: float
    tokens: int


def pack_context(items: Sequence[ContextItem], budget: int) -> list[int]:
    """Return the positions of the items to pack into `budget` tokens, best supported first.

    Worth falls off steeply with support (`SHARPNESS`): many weak passages do not outweigh a strong
    one, but may share the tokens that it leaves.
    """
    order = sorted(range(len(items)), key=lambda at: (-items[at].support, at))
    fitting = [at for at in order if items[at].tokens <= budget]
    if not fitting:
        return []
    distinct = _unlike(items, fitting)
    # The best passage is always packed; the others compete for the rest of the budget.
    first, others = distinct[0][0], distinct[1:]
    best = items[first].support
    worths = [
        math.exp((items[at].support - best) / SHARPNESS) * (1 - likeness) for at, likeness in others
    ]
    room = budget - items[first].tokens
    chosen = knapsack(worths, [items[at].tokens for at, _ in others], room)
    return [first, *(others[n][0] for n in chosen)]


def knapsack(worths: Sequence[float], weights: Sequence[int], budget: int) -> list[int]:
    """Return the positions, ascending, of the choice of the greatest total worth that fits.

    Worths and weights must not be negative. The result is exact: a state that is heavier than
    another and worth no more is dropped, so there are never more than `budget` + 1 states.
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
    """Return the states, lightest first, each worth more than all states that are no heavier."""
    frontier: list[tuple[int, float, tuple[int, ...]]] = []
    for state in sorted(states, key=lambda state: (state[0], -state[1], state[2])):
        if not frontier or state[1] > frontier[-1][1]:
            frontier.append(state)
    return frontier


def _unlike(items: Sequence[ContextItem], order: Sequence[int]) -> list[tuple[int, float]]:
    """Return those of `order` that repeat no better item, with their highest likeness to one."""
    distinct: list[tuple[int, float]] = []
    accepted_shingles: list[frozenset[tuple[str, ...]]] = []
    for at in order:
        own = shingles(items[at].text)
        likeness = max((containment(own, other) for other in accepted_shingles), default=0.0)
        if likeness < DUPLICATE_SHARE:
            distinct.append((at, likeness))
            accepted_shingles.append(own)
    return distinct


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of `SHINGLE` words of `text`, or all of its words if it has fewer."""
    text_words = words(text)
    runs = range(max(1, len(text_words) - SHINGLE + 1))
    return frozenset(tuple(text_words[start : start + SHINGLE]) for start in runs)


def containment(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Return the share of the smaller set's shingles that the other also has, from 0 to 1."""
    return len(one & other) / min(len(one), len(other))

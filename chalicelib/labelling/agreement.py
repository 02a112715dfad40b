"""Krippendorff's alpha: the agreement of any number of reviewers, some of whose labels are missing.

K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011,
https://repository.upenn.edu/asc_papers/43
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

from chalicelib.contracts.labelling import Measurement

Distance = Callable[[str, str], float]


def krippendorff_alpha(
    units: Sequence[Sequence[str]], choices: Sequence[str], measurement: Measurement
) -> float | None:
    """Return alpha, at most 1, of the labels that each unit was given.

    Args:
        units: The labels of each unit, in any order.
        choices: All labels, in their order if `ordinal`, numbers if `interval`.
        measurement: What the difference of two labels is: whether they differ (`nominal`), how many
            labels lie between (`ordinal`), or the square of their difference (`interval`).

    Returns:
        None where alpha is not defined: no unit has two labels, or all labels are the same.
    """
    marginals: Counter[str] = Counter()
    weights: dict[tuple[str, str], float] = {}
    for labels in units:
        if len(labels) < 2:
            continue
        counts = Counter(labels)
        for one, other in permutations(counts, 2):
            pair = (one, other)
            share = counts[one] * counts[other] / (len(labels) - 1)
            weights[pair] = weights.get(pair, 0.0) + share
        marginals.update(counts)
    totals = {label: marginals[label] for label in choices if marginals[label]}
    distance = _distance(choices, totals, measurement)
    observed = sum(share * distance(*pair) for pair, share in weights.items())
    expected = sum(
        totals[one] * totals[other] * distance(one, other) for one, other in permutations(totals, 2)
    )
    if not expected:
        return None
    return 1 - (sum(totals.values()) - 1) * observed / expected


def _distance(
    choices: Sequence[str], totals: Mapping[str, int], measurement: Measurement
) -> Distance:
    """Return the squared difference of two labels; that of the same label is 0."""
    if measurement == "interval":
        return lambda one, other: (float(one) - float(other)) ** 2
    if measurement == "nominal":
        return lambda one, other: float(one != other)
    rank = {label: at for at, label in enumerate(choices)}

    def ordinal(one: str, other: str) -> float:
        low, high = sorted((rank[one], rank[other]))
        between = sum(totals.get(label, 0) for label in choices[low : high + 1])
        return (between - (totals[one] + totals[other]) / 2) ** 2

    return ordinal

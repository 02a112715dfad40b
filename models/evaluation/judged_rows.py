"""Which held-out rows judge a model, and how many tell an interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from models.training_data.row_groups import RowGroups

LEAST_JUDGED = 6
"""Fewer held-out rows tell no interval: that of a few lucky ones lies above 0."""

_BOUNDS = ("_low", "_high")
R = TypeVar("R")


def drawn_rows(rows: Sequence[R], most: int, seed: int) -> Sequence[R]:
    """Return the held-out rows that are judged: of more than `most` a sample by the seed.

    A file may be sorted by subject, so that its first rows are of one alone.
    """
    if len(rows) <= most:
        return rows
    drawn = np.random.default_rng(seed).permutation(len(rows))
    return [rows[at] for at in sorted(drawn[:most])]


def observations(groups: RowGroups, what: str = "rows") -> tuple[int, str]:
    """Return how many observations rows, or `what` else is judged, are, and what one is."""
    count = len(np.unique(groups))
    return count, what if count == len(groups) else f"groups of {what}"


def known_bounds(
    numbers: Mapping[str, float], count: int, what: str = "rows"
) -> tuple[Mapping[str, float], Mapping[str, str]]:
    """Return the numbers that `count` judged rows tell, and why the others are unknown.

    Bounds of intervals are unknown where the rows, or `what` else is judged, are too few.
    """
    if count >= LEAST_JUDGED:
        return numbers, {}
    reason = f"{count} {what} were judged, and an interval takes {LEAST_JUDGED}"
    known = {name: value for name, value in numbers.items() if not name.endswith(_BOUNDS)}
    return known, {name: reason for name in numbers if name not in known}

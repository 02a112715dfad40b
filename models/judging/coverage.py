"""Precision and recall of what is drawn: how much of it is like real, and how much of real it has.

T. Kynkäänniemi et al., Improved precision and recall metric for assessing generative models,
https://arxiv.org/abs/1904.06991
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Features = NDArray[np.float64]
"""[n, d]."""

NEIGHBOURS = 3
"""The paper's k."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """`precise` says of each draw whether it is among real ones, [m]; `recalled` of each real one
    whether it is among draws, [n]. Their means are precision and recall.
    """

    precise: NDArray[np.bool_]
    recalled: NDArray[np.bool_]


def coverage(real: Features, drawn: Features, neighbours: int = NEIGHBOURS) -> Coverage:
    """Compare features of real pictures, [n, d], with those of draws, [m, d].

    A point is among others if it is no further from one of them than that one's k-th nearest.

    Raises:
        ValueError: either has k rows or fewer, so that it has no k-th nearest.
    """
    fewest = min(len(real), len(drawn))
    if fewest <= neighbours:
        raise ValueError(f"Coverage needs more than {neighbours} rows of each, and has {fewest}.")
    apart = cdist(real, drawn)
    return Coverage(
        precise=(apart <= _reach(real, neighbours)[:, None]).any(axis=0),
        recalled=(apart <= _reach(drawn, neighbours)[None, :]).any(axis=1),
    )


def _reach(points: Features, neighbours: int) -> NDArray[np.float64]:
    """Return how far each point's k-th nearest is; the nearest of all is the point itself."""
    reach: NDArray[np.float64] = np.partition(cdist(points, points), neighbours, axis=1)
    return reach[:, neighbours]

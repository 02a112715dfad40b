"""Memorisation by generators: draws that lie nearer to training pictures than new pictures do.

C. Meehan, K. Chaudhuri and S. Dasgupta, A non-parametric test to detect data-copying in generative
models, 2020, https://arxiv.org/abs/2004.05675. Their statistic compares the distances of draws to
the training set with those of held-out pictures; here it is given as two shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from models.evaluation.intervals import mean_interval

Pictures = NDArray[np.uint8]
"""[n, height, width, channels]."""
Distances = NDArray[np.float64]

NEAREST_SHARE = 0.05
"""The share of held-out pictures that lie as near to a training picture as a copy does."""


@dataclass(frozen=True, slots=True)
class Memorisation:
    """Distances of draws, [m], and of held-out pictures, [n], to their nearest training picture."""

    drawn: Distances
    held_out: Distances

    @property
    def copied(self) -> NDArray[np.float64]:
        """Return 1 for each draw nearer to a training picture than 95 % of held-out ones, [m].

        The mean is 0.05 for a generator that draws as the data does, and 1 for one that copies.
        """
        bound = np.quantile(self.held_out, NEAREST_SHARE)
        return np.asarray(self.drawn < bound, np.float64)

    @property
    def nearer(self) -> NDArray[np.float64]:
        """Return for each draw the share of held-out pictures that are further away, [m].

        The mean is Mann and Whitney's U as a share: 0.5 for a generator that draws as the data
        does, and 1 for one that copies. Ties count half.
        """
        ordered = np.sort(self.held_out)
        below = np.searchsorted(ordered, self.drawn, side="left")
        upto = np.searchsorted(ordered, self.drawn, side="right")
        return np.asarray(1 - (below + upto) / (2 * len(ordered)), np.float64)

    def numbers(self) -> dict[str, float]:
        """Return the metrics `copied`, with its 95 % interval, and `nearer_than_held_out`."""
        return {
            **mean_interval(self.copied).numbers("copied"),
            "nearer_than_held_out": float(self.nearer.mean()),
        }


def memorisation(train: Pictures, held_out: Pictures, drawn: Pictures) -> Memorisation:
    """Compare draws with held-out pictures by their distances to the training pictures.

    Distances are Euclidean over pixels: in a judge's features different pictures may coincide.

    Raises:
        ValueError: one of the three is empty.
    """
    if not (len(train) and len(held_out) and len(drawn)):
        raise ValueError("Memorisation needs training pictures, held-out ones and draws.")
    rows = _flat(train)
    return Memorisation(
        cdist(_flat(drawn), rows).min(axis=1), cdist(_flat(held_out), rows).min(axis=1)
    )


def _flat(pictures: Pictures) -> NDArray[np.float64]:
    return pictures.reshape(len(pictures), -1).astype(np.float64)

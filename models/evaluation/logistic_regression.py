"""Logistic regression: the odds that something is right, from its features.

A ridge keeps the weights small, and Newton's method finds the only minimum: no chance takes part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RIDGE = 33.0
STEPS = 25
_SETTLED = 1e-8


def learn_odds(features: Array, is_right: Mask, ridge: float = RIDGE) -> tuple[Array, float]:
    """Return one weight a feature, and the bias of the sum.

    Features are brought to one scale for the ridge, and the weights back to their own.

    Args:
        features: (examples, features).
        is_right: what is predicted of each example.
        ridge: half of it times the squared weights is added to the loss, in nats of all examples.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread[spread == 0] = 1.0
    scaled = np.hstack([(features - mean) / spread, np.ones((len(features), 1))])
    penalty = np.append(np.full(features.shape[1], ridge), 0.0)
    weights = np.zeros(scaled.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (chance - is_right) + penalty * weights
        curve = (scaled * (chance * (1 - chance))[:, None]).T @ scaled + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights -= step
        if np.abs(step).max() < _SETTLED:
            break
    found: Array = weights[:-1] / spread
    return found, float(weights[-1] - found @ mean)

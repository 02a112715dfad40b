"""Calibration of probabilities: expected calibration error, and temperature scaling.

C. Guo et al., On calibration of modern neural networks, https://arxiv.org/abs/1706.04599
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

BINS = 15
_COLDEST, _HOTTEST = -4.0, 4.0


def temperature(logits: Array, classes: Whole) -> float:
    """Return the T with which softmax(logits / T) has the least cross-entropy.

    `logits` are [n, k] and `classes` [n], held out from training and from what is judged with T.
    """
    rows = np.arange(len(classes))

    def loss(log_temperature: float) -> float:
        told = log_softmax(logits / np.exp(log_temperature), axis=1)
        return float(-told[rows, classes].mean())

    found = minimize_scalar(loss, bounds=(_COLDEST, _HOTTEST), method="bounded")
    return float(np.exp(found.x))


def calibration_error(logits: Array, classes: Whole, bins: int = BINS) -> float:
    """Return the expected calibration error, 0 to 1.

    It is the distance of confidence from accuracy in `bins` of equal width, weighed by their rows.
    """
    told = softmax(logits, axis=1)
    confidence, right = told.max(axis=1), told.argmax(axis=1) == classes
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[places == place].mean() - confidence[places == place].mean())
        * (places == place).mean()
        for place in np.unique(places)
    ]
    return float(sum(gaps))

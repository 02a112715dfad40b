"""Metrics of classes that were told, each with a 95% interval: accuracy, macro F1 and Matthews'.

Matthews' correlation is 0 for a model at chance and for one that always tells the same class,
however unequal the classes are; B. W. Matthews, 1975, and for more than two classes J. Gorodkin,
2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import RESAMPLES, ConfidenceInterval

Counts = NDArray[np.float64]
Whole = NDArray[np.int64]

_SEED = 0
_BOUNDS = (2.5, 97.5)
_CELLS_AT_ONCE = 4_000_000


def confusion(wanted: Whole, told: Whole, classes: int) -> Counts:
    """Return how often each class, by row, was told as each class, by column."""
    found = np.zeros((classes, classes))
    np.add.at(found, (wanted, told), 1)
    return found


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """Return the share that is told right, of confusions [..., k, k]."""
    right = np.trace(counts, axis1=-2, axis2=-1)
    return np.asarray(right / counts.sum((-2, -1)))


def class_f1(counts: Counts) -> NDArray[np.float64]:
    """Return the F1 of each class, [..., k]; 0 for one that is neither there nor told."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    both = counts.sum(-1) + counts.sum(-2)
    found: NDArray[np.float64] = np.zeros_like(both)
    np.divide(2 * hits, both, out=found, where=both > 0)
    return found


def macro_f1(counts: Counts) -> NDArray[np.float64]:
    """Return the mean F1 of the classes that are there or told, of confusions [..., k, k]."""
    known = (counts.sum(-1) + counts.sum(-2)) > 0
    return np.asarray(class_f1(counts).sum(-1) / np.maximum(known.sum(-1), 1))


def matthews(counts: Counts) -> NDArray[np.float64]:
    """Return Matthews' correlation, -1 to 1, of confusions [..., k, k]; 0 where it has none."""
    rows, columns = counts.sum(-1), counts.sum(-2)
    total = counts.sum((-2, -1))
    covariance = np.trace(counts, axis1=-2, axis2=-1) * total - (rows * columns).sum(-1)
    spread = (total**2 - (rows**2).sum(-1)) * (total**2 - (columns**2).sum(-1))
    scale = np.sqrt(spread)
    found: NDArray[np.float64] = np.zeros_like(scale)
    np.divide(covariance, scale, out=found, where=scale > 0)
    return found


def confusion_interval(
    counts: Counts, metric: Callable[[Counts], NDArray[np.float64]]
) -> ConfidenceInterval:
    """Return a metric of a confusion with a percentile bootstrap over its rows.

    Rows that are drawn again with replacement fall into the confusion's cells as a multinomial.
    """
    total, classes = int(counts.sum()), len(counts)
    drawing = np.random.default_rng(_SEED)
    shares = (counts / total).ravel()
    at_once = max(1, _CELLS_AT_ONCE // shares.size)
    found: list[NDArray[np.float64]] = []
    for first in range(0, RESAMPLES, at_once):
        drawn = drawing.multinomial(total, shares, min(at_once, RESAMPLES - first))
        found.append(metric(drawn.reshape(-1, classes, classes).astype(np.float64)))
    low, high = np.percentile(np.concatenate(found), _BOUNDS)
    return ConfidenceInterval(float(metric(counts)), float(low), float(high))


def class_numbers(counts: Counts) -> dict[str, float]:
    """Return accuracy, macro F1 and Matthews' correlation of a confusion, with their intervals."""
    numbers: dict[str, float] = {}
    for name, metric in (("accuracy", accuracy), ("macro_f1", macro_f1), ("matthews", matthews)):
        numbers |= confusion_interval(counts, metric).numbers(name)
    return numbers

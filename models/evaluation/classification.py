"""Metrics of classes that were told: accuracy, macro F1 and Matthews', with 95% intervals.

Matthews' correlation is 0 for a model at chance and for one that always tells the same class,
however unequal the classes are; B. W. Matthews, 1975, and for more than two classes J. Gorodkin,
2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import RESAMPLES, ConfidenceInterval
from models.training_data.row_groups import RowGroups

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


def class_numbers(wanted: Whole, told: Whole, classes: int, groups: RowGroups) -> dict[str, float]:
    """Return macro F1 and Matthews' correlation of all rows, with intervals over groups of rows."""
    metrics = {"macro_f1": macro_f1, "matthews": matthews}
    drawn: dict[str, list[NDArray[np.float64]]] = {name: [] for name in metrics}
    for some in _resampled(wanted * classes + told, classes, groups):
        for name, metric in metrics.items():
            drawn[name].append(metric(some))
    counts = confusion(wanted, told, classes)
    numbers: dict[str, float] = {}
    for name, metric in metrics.items():
        low, high = np.percentile(np.concatenate(drawn[name]), _BOUNDS)
        numbers |= ConfidenceInterval(float(metric(counts)), float(low), float(high)).numbers(name)
    return numbers


def _resampled(cells: Whole, classes: int, groups: RowGroups) -> Iterator[Counts]:
    """Yield confusions, [some, k, k], of groups that are drawn with replacement.

    Groups whose rows are in the same cells are alike, and drawn as one kind by a multinomial: rows
    without groups are of no more kinds than there are cells, however many they are.
    """
    order = np.lexsort((cells, groups))
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    parts = np.split(cells[order], starts)
    number: dict[bytes, int] = {}
    of_group = [number.setdefault(each.tobytes(), len(number)) for each in parts]
    shares = np.bincount(of_group) / len(parts)
    kinds = [np.frombuffer(each, cells.dtype) for each in number]
    kind_of = np.repeat(np.arange(len(kinds)), [len(each) for each in kinds])
    rows = np.concatenate(kinds)
    by_cell = np.argsort(rows, kind="stable")
    known, first = np.unique(rows[by_cell], return_index=True)
    drawing = np.random.default_rng(_SEED)
    at_once = max(1, _CELLS_AT_ONCE // max(classes**2, len(rows)))
    for begin in range(0, RESAMPLES, at_once):
        drawn = drawing.multinomial(len(parts), shares, min(at_once, RESAMPLES - begin))
        found = np.zeros((len(drawn), classes**2))
        found[:, known] = np.add.reduceat(drawn[:, kind_of[by_cell]], first, axis=1)
        yield found.reshape(-1, classes, classes)

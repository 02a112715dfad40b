"""Vectors in memory, scanned whole: exact, and fast enough for what a laptop holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from localcloud.s3vectors.columns import Mask

Vector = NDArray[np.float32]
_BLOCK_ROWS = 8192


class Matrix:
    """Rows of float32; for the cosine metric each row is kept at unit length."""

    def __init__(self, dimension: int, metric: str) -> None:
        """Start with no rows. `metric` is `cosine` or `euclidean`."""
        self._cosine = metric == "cosine"
        self._rows = np.empty((64, dimension), np.float32)
        self._used = 0

    def __len__(self) -> int:
        """Return how many rows were ever added."""
        return self._used

    def append(self, vector: Vector) -> int:
        """Add a vector and return its row."""
        if self._used == len(self._rows):
            grown = np.empty((2 * len(self._rows), self._rows.shape[1]), np.float32)
            grown[: self._used] = self._rows
            self._rows = grown
        row = self._used
        self._rows[row] = _unit(vector) if self._cosine else vector
        self._used += 1
        return row

    def distances(self, query: Vector) -> NDArray[np.float32]:
        """Return the distance of every row from `query`: 1 - cosine, or the Euclidean length."""
        rows = self._rows[: self._used]
        if self._cosine:
            # Row by row on this thread: BLAS would share a product of matrix and vector out to
            # every core, and wait for the busiest of them.
            cosines: NDArray[np.float32] = np.vecdot(rows, _unit(query))
            return np.clip(1 - cosines, 0, 2)
        lengths = np.empty(self._used, np.float32)
        for start in range(0, self._used, _BLOCK_ROWS):
            block = rows[start : start + _BLOCK_ROWS]
            lengths[start : start + len(block)] = np.linalg.norm(block - query, axis=1)
        return lengths


def _unit(vector: Vector) -> Vector:
    unit: Vector = (vector / np.linalg.norm(vector.astype(np.float64))).astype(np.float32)
    return unit


def nearest(values: NDArray[np.floating], eligible: Mask, count: int) -> list[int]:
    """Return up to `count` eligible rows with the smallest values, equal ones by row."""
    rows = np.flatnonzero(eligible)
    if len(rows) > count:
        chosen = values[rows]
        bound = np.partition(chosen, count - 1)[count - 1]
        rows = rows[chosen <= bound]
    order = np.argsort(values[rows], kind="stable")[:count]
    return [int(row) for row in rows[order]]

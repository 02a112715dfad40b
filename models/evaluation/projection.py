"""Principal components of embeddings: how many directions they use, and a plane to look at.

K. Pearson, 1901; by the singular values of the centred vectors. Vectors that have collapsed to one
direction show in `explained` before any search fails.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

FILE = "projection.npz"
"""The file of a model folder with the projection of what was held out."""

DIMENSIONS = 2
"""Components that are kept of each row, for a plane."""
MOST_EXPLAINED = 0.9


@dataclass(frozen=True, slots=True)
class Projection:
    """Rows on their first principal components.

    `coordinates` are [n, 2], of the centred rows on `components` [2, d]; `explained` is the share
    of the variance of every component, [min(n, d)], the greatest first; `labels` are [n].
    """

    coordinates: Matrix
    components: Matrix
    explained: Matrix
    labels: NDArray[np.int64]

    def numbers(self) -> dict[str, float]:
        """Return the share that the plane explains, and how many components explain 90 %."""
        needed = int(np.searchsorted(np.cumsum(self.explained), MOST_EXPLAINED) + 1)
        return {
            "explained_by_2": float(self.explained[:DIMENSIONS].sum()),
            "components_of_90_percent": float(min(needed, len(self.explained))),
        }

    def files(self) -> dict[str, bytes]:
        """Return all arrays as an NPZ file by its name."""
        into = io.BytesIO()
        np.savez(
            into,
            coordinates=self.coordinates,
            components=self.components,
            explained=self.explained,
            labels=self.labels,
        )
        return {FILE: into.getvalue()}


def principal_plane(vectors: NDArray[np.floating], labels: NDArray[np.int64]) -> Projection:
    """Return rows, [n, d], on their first two principal components.

    A component points to where its greatest coefficient is positive, so that equal vectors give
    equal planes.

    Raises:
        ValueError: there are fewer than three rows or two columns, or a value is not finite, or all
            rows are the same.
    """
    rows = np.asarray(vectors, np.float64)
    if rows.ndim != DIMENSIONS or len(rows) <= DIMENSIONS or rows.shape[1] < DIMENSIONS:
        raise ValueError(f"A plane needs 3 rows of 2 columns at least, and has {rows.shape}.")
    if not np.isfinite(rows).all():
        raise ValueError("The vectors are not finite; the network that made them cannot be used.")
    centred = rows - rows.mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    total = float(np.square(values).sum())
    if total == 0:
        raise ValueError("All vectors are the same, so that no direction explains anything.")
    components = directions[:DIMENSIONS]
    greatest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(DIMENSIONS), greatest])[:, None]
    return Projection(centred @ components.T, components, np.square(values) / total, labels)

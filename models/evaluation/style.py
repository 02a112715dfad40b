"""How far drawn pictures are from held-out ones in style, and how much nearer than the base's.

The distance is that of KID (M. Bińkowski et al., 2018, https://arxiv.org/abs/1801.01401): the
squared maximum mean discrepancy by a cubic kernel, unbiased, so that it is 0 on average for
pictures of the same kind, however few. KID takes it in the features of a network that was trained
on photographs; here they are a picture's tones and edges on a grid, which need no network and see
colour, ink, paper and strokes. It compares models on the same pictures, and is no KID of the
literature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import group_means, mean_interval
from models.training_data.row_groups import RowGroups

Pictures = NDArray[np.uint8]
"""[n, height, width, channels]."""
Features = NDArray[np.float64]

GRID = 8
"""Cells along a side of a picture, at most."""
_EDGE_WEIGHT = 2.0
"""Edges are a few tenths where tones span two."""


def style_features(pictures: Pictures) -> Features:
    """Return mean tone and mean edge of each cell of a grid, from -1 to 1, [n, features]."""
    tones = pictures.astype(np.float64) / 127.5 - 1
    down = np.abs(np.diff(tones, axis=1, append=tones[:, -1:]))
    across = np.abs(np.diff(tones, axis=2, append=tones[:, :, -1:]))
    parts = (_cells(tones), _cells(down + across) * _EDGE_WEIGHT)
    return np.concatenate([part.reshape(len(pictures), -1) for part in parts], axis=1)


def _cells(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of [n, height, width, channels] over a grid of cells."""
    for axis in (1, 2):
        size = values.shape[axis]
        starts = np.linspace(0, size, min(GRID, size), endpoint=False).astype(np.int64)
        counts = np.diff([*starts, size])
        shape = [1] * values.ndim
        shape[axis] = len(counts)
        values = np.add.reduceat(values, starts, axis=axis) / counts.reshape(shape)
    return values


@dataclass(frozen=True, slots=True)
class StyleGain:
    """The distances of two models' pictures to held-out ones, and their difference.

    `terms` are those of each held-out picture, [n], whose mean the gain is.
    """

    distance: float
    base_distance: float
    terms: NDArray[np.float64]

    def numbers(self, groups: RowGroups) -> dict[str, float]:
        """Return the two distances and the gain as metrics, that with its interval over groups."""
        return {
            "style_distance": self.distance,
            "base_style_distance": self.base_distance,
            **mean_interval(group_means(self.terms, groups)).numbers("style_gain"),
        }


def style_gain(held_out: Pictures, drawn: Pictures, by_base: Pictures) -> StyleGain:
    """Compare pictures of a model and of its base, drawn of the same captions, [n] each.

    The interval of a gain resamples captions: a U-statistic varies as the mean of twice what each
    row adds to it (W. Hoeffding, 1948).

    Raises:
        ValueError: there are fewer than two rows, of which no distance is unbiased.
    """
    if len(held_out) < 2:
        raise ValueError("A distance of styles needs two pictures at least.")
    real, own, base = map(style_features, (held_out, drawn, by_base))
    distances = _row_means(own, real), _row_means(base, real)
    means = [float(each.mean()) for each in distances]
    gain = means[1] - means[0]
    terms = gain + 2 * (distances[1] - distances[0] - gain)
    return StyleGain(means[0], means[1], terms)


def _row_means(drawn: Features, real: Features) -> NDArray[np.float64]:
    """Return for each row the mean of its pairs with the others, whose mean is the distance."""
    crossed = _kernel(drawn, real)
    pairs = _kernel(drawn, drawn) + _kernel(real, real) - crossed - crossed.T
    np.fill_diagonal(pairs, 0.0)
    return np.asarray(pairs.sum(axis=1) / (len(pairs) - 1))


def _kernel(some: Features, others: Features) -> NDArray[np.float64]:
    return np.asarray((some @ others.T / some.shape[1] + 1) ** 3)

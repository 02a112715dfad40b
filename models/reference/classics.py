"""Two classics by hand: back-propagation through a net of two layers, and k-means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.reference.attention import softmax
from models.reference.losses import cross_entropy

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TwoLayers:
    """A net: tanh(x first + first_bias) second + second_bias, as logits of k classes.

    `first` is [d, h], `first_bias` [h], `second` [h, k], `second_bias` [k].
    """

    first: Array
    first_bias: Array
    second: Array
    second_bias: Array

    def logits(self, rows: Array) -> Array:
        """Return [n, k] of rows [n, d]."""
        return np.tanh(rows @ self.first + self.first_bias) @ self.second + self.second_bias

    def gradient(self, rows: Array, classes: Whole) -> tuple[float, Self]:
        """Return the mean cross-entropy, and its derivative by every weight.

        D. E. Rumelhart, G. E. Hinton and R. J. Williams, Nature 323, 1986.
        """
        hidden = np.tanh(rows @ self.first + self.first_bias)
        logits = hidden @ self.second + self.second_bias
        wrong = softmax(logits)
        wrong[np.arange(len(classes)), classes] -= 1
        wrong /= len(classes)
        back = (wrong @ self.second.T) * (1 - hidden**2)
        gradient = type(self)(rows.T @ back, back.sum(axis=0), hidden.T @ wrong, wrong.sum(axis=0))
        return cross_entropy(logits, classes), gradient

    def less(self, gradient: TwoLayers, rate: float) -> Self:
        """Return the net after a step against the gradient."""
        return type(self)(
            self.first - rate * gradient.first,
            self.first_bias - rate * gradient.first_bias,
            self.second - rate * gradient.second,
            self.second_bias - rate * gradient.second_bias,
        )


def k_means(rows: Array, centres: Array, most: int = 100) -> tuple[Array, Whole]:
    """Return centres [k, d] and the nearest of them for each row, [n], once nothing changes.

    A centre without rows stays where it is. S. P. Lloyd, 1982.
    """
    found = centres.astype(np.float64)
    nearest = _nearest(rows, found)
    for _ in range(most):
        moved = np.stack(
            [
                rows[nearest == at].mean(axis=0) if (nearest == at).any() else centre
                for at, centre in enumerate(found)
            ]
        )
        again = _nearest(rows, moved)
        if np.array_equal(moved, found) and np.array_equal(again, nearest):
            break
        found, nearest = moved, again
    return found, nearest


def spread(rows: Array, centres: Array, nearest: Whole) -> float:
    """Return the sum of squared distances of rows to their centres, which k-means lowers."""
    return float(((rows - centres[nearest]) ** 2).sum())


def _nearest(rows: Array, centres: Array) -> Whole:
    squares = ((rows[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(squares.argmin(axis=1), np.int64)

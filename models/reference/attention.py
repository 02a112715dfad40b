"""Attention, and positions by sinusoids and rotation.

A. Vaswani et al., https://arxiv.org/abs/1706.03762; RoFormer, J. Su et al.,
https://arxiv.org/abs/2104.09864.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BASE = 10_000.0


def softmax(scores: Array) -> Array:
    """Return exp(x) over its sum along the last axis; an axis of minus infinities gives NaN."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def attention(
    queries: Array, keys: Array, values: Array, *, causal: bool = False
) -> tuple[Array, Array]:
    """Return softmax(Q K^T / sqrt(d)) V, [..., n, v], and the weights, [..., n, m].

    `queries` are [..., n, d], `keys` [..., m, d], `values` [..., m, v]. With `causal`, row i sees
    rows up to i + m - n, so that the last query sees every key.
    """
    scores = queries @ np.swapaxes(keys, -1, -2) / np.sqrt(queries.shape[-1])
    if causal:
        rows, columns = scores.shape[-2:]
        seen = np.tril(np.ones((rows, columns), bool), columns - rows)
        scores = np.where(seen, scores, -np.inf)
    weights = softmax(scores)
    return weights @ values, weights


@dataclass(frozen=True, slots=True)
class Heads:
    """The weights of multi-head attention, [d, d] each and without biases: x W projects."""

    query: Array
    key: Array
    value: Array
    output: Array
    count: int

    def __call__(self, rows: Array, *, causal: bool = False) -> Array:
        """Return what rows [n, d] become, each head having attended in its d / count dimensions."""
        projected = [self._split(rows @ each) for each in (self.query, self.key, self.value)]
        attended, _ = attention(*projected, causal=causal)
        joined = np.swapaxes(attended, 0, 1).reshape(rows.shape)
        return np.asarray(joined @ self.output)

    def _split(self, rows: Array) -> Array:
        count, width = rows.shape
        return np.swapaxes(rows.reshape(count, self.count, width // self.count), 0, 1)


def sinusoids(length: int, width: int) -> Array:
    """Return positions, [length, width]: sin(p / 10000^(2i/width)) at 2i, its cos at 2i + 1."""
    angles = _angles(np.arange(length), width)
    found = np.empty((length, width))
    found[:, 0::2] = np.sin(angles)
    found[:, 1::2] = np.cos(angles[:, : width // 2])
    return found


def rotated(rows: Array, positions: Array) -> Array:
    """Return rows [n, d], pairs (i, i + d/2) turned by position / 10000^(2i/d).

    The halves are paired as Llama's code does it, where the paper pairs neighbours: the same
    rotation in another order of dimensions. Products of two rotated rows depend on how far they are
    apart.
    """
    half = rows.shape[-1] // 2
    angles = _angles(positions, rows.shape[-1])
    first, second = rows[..., :half], rows[..., half:]
    cosine, sine = np.cos(angles), np.sin(angles)
    turned = (first * cosine - second * sine, second * cosine + first * sine)
    return np.concatenate(turned, axis=-1)


def _angles(positions: Array | NDArray[np.int64], width: int) -> Array:
    powers = np.arange(0, width, 2) / width
    return np.asarray(positions[:, None] / _BASE**powers)

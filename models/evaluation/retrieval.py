"""Metrics of vector retrieval: recall at k, zero-shot accuracy, neighbour precision.

All vectors are of length 1, so that products are cosines. Measures come as a value for each row,
so that two models can be compared in pairs; `mean_interval` says how sure a mean is. A vector that
is not finite finds nothing and is found by nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import Values

Vectors = NDArray[np.float32]
"""[n, d]."""
Labels = NDArray[np.int64]


def ranks(queries: Vectors, items: Vectors) -> Labels:
    """Return the rank of item i among all items for query i, [n], from 0 on.

    An item that is as near as the right one stands before it, so that vectors that are all alike
    find nothing, and so does a query or an item that is not finite.
    """
    near = queries @ items.T
    right = np.diagonal(near)[:, None]
    # "not nearer" instead of "further": no comparison with nan holds.
    return np.asarray((~(near < right)).sum(axis=1) - 1, np.int64)


def recall(ranks: Labels, k: int) -> Values:
    """Return 1 for each query whose item is among the first k, [n]."""
    return (ranks < k).astype(np.float64)


def prompt_vectors(
    encode: Callable[[Sequence[str]], Vectors], names: Sequence[str], templates: Sequence[str]
) -> Vectors:
    """Return a vector per class, [classes, d]: the mean over templates, normalised again."""
    each = np.stack([encode([text.format(name) for name in names]) for text in templates])
    mean = each.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


def zero_shot(images: Vectors, classes: Vectors, labels: Labels) -> Values:
    """Return 1 for each picture whose nearest class is its own, [n]."""
    near = images @ classes.T
    told = near.argmax(axis=1)
    return np.asarray((told == labels) & np.isfinite(near).all(axis=1), np.float64)


def nearest(queries: Vectors, items: Vectors, k: int) -> Labels:
    """Return the k nearest items of each query, [queries, k], the nearest first."""
    return np.asarray(np.argsort(-(queries @ items.T), axis=1, kind="stable")[:, :k], np.int64)


def precision(queries: Vectors, items: Vectors, same: NDArray[np.bool_], k: int) -> Values:
    """Return per query the share of the k nearest items that are `same`, [queries, items]."""
    near = nearest(queries, items, k)
    found = np.take_along_axis(same, near, axis=1)
    finite = _finite(queries)[:, None] & _finite(items)[near]
    return np.asarray((found & finite).mean(axis=1), np.float64)


def neighbour_precision(vectors: Vectors, labels: Labels, k: int) -> Values:
    """Return the share of each row's k nearest others that have its label, [n]."""
    near = vectors @ vectors.T
    np.fill_diagonal(near, -np.inf)
    found = np.argsort(-near, axis=1, kind="stable")[:, :k]
    finite = _finite(vectors)
    right = (labels[found] == labels[:, None]) & finite[:, None] & finite[found]
    return np.asarray(right.mean(axis=1), np.float64)


def _finite(vectors: Vectors) -> NDArray[np.bool_]:
    """Return whether each vector is finite, [n]."""
    return np.asarray(np.isfinite(vectors).all(axis=1), np.bool_)


def ndcg(
    queries: Vectors,
    items: Vectors,
    answers: Sequence[frozenset[int]],
    k: int,
    left_out: Sequence[frozenset[int]] = (),
) -> Values:
    """Return the nDCG to the k-th item of each query, [n], where every answer gains as much.

    An item that is as near as an answer stands before it. Items that are `left_out` of a query's
    results are neither found nor missed. K. Järvelin and J. Kekäläinen, 2002,
    https://doi.org/10.1145/582415.582418
    """
    near = queries @ items.T
    finite = np.isfinite(near).all(axis=1)
    for row, gone in enumerate(left_out):
        near[row, sorted(gone)] = -np.inf
    discounts = 1 / np.log2(np.arange(2, k + 2))
    found = np.zeros(len(answers))
    for row, wanted in enumerate(answers):
        right = np.zeros(len(items), np.bool_)
        right[sorted(wanted)] = True
        # lexsort's last key is the first: the nearest, and of equals what does not answer.
        first = np.lexsort((right, -near[row]))[:k]
        if finite[row]:
            gains = right[first] * discounts[: len(first)]
            found[row] = gains.sum() / discounts[: len(wanted)].sum()
    return found

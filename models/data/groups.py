"""Splits by group, so that no item has its like in both parts of a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Pairs = Iterable[tuple[int, int]]


def same_key_pairs(keys: Sequence[Iterable[Hashable]]) -> list[tuple[int, int]]:
    """Return pairs of items, each of which has a key that the other has."""
    first: dict[Hashable, int] = {}
    return [(first.setdefault(key, at), at) for at, own in enumerate(keys) for key in own]


def near_pairs(pictures: NDArray[np.uint8], apart: float) -> list[tuple[int, int]]:
    """Return pairs of pictures, [n, ...], whose pixels differ by less than `apart`.

    The difference is the root of the mean square, of pixels from 0 to 255.
    """
    rows = pictures.reshape(len(pictures), -1).astype(np.float64)
    squares = np.square(rows).sum(axis=1)
    apart_by = squares[:, None] + squares - 2 * rows @ rows.T
    near = np.argwhere(np.triu(apart_by < apart**2 * rows.shape[1], k=1))
    return [(int(one), int(other)) for one, other in near]


def groups(count: int, pairs: Pairs) -> NDArray[np.int64]:
    """Return the group of each of `count` items, [count]: items that pairs join are together.

    Groups are numbered by their first items. Written without scipy, which benchmarks that read a
    data set do not have.
    """
    first = list(range(count))

    def find(item: int) -> int:
        while first[item] != item:
            first[item] = first[first[item]]
            item = first[item]
        return item

    for one, other in pairs:
        low, high = sorted((find(one), find(other)))
        first[high] = low
    return np.unique([find(item) for item in range(count)], return_inverse=True)[1]


def held_out_rows(
    group: NDArray[np.int64], held_out: int, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return which rows are held out, [n]: whole groups by chance, `held_out` rows at most.

    A group that does not fit in any more is passed over.
    """
    sizes, left = np.bincount(group), held_out
    chosen = np.zeros(len(sizes), np.bool_)
    for each in rng.permutation(len(sizes)):
        if sizes[each] <= left:
            chosen[each] = True
            left -= int(sizes[each])
    return np.asarray(chosen[group], np.bool_)


def is_held_out_text(text: str, share: int) -> bool:
    """Return whether a text belongs to the one in `share` that is held out, by its hash."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % share == 0

"""The split of rows into parts, by groups of what belongs together and by hashes.

Rows of one `group`, of equal input, and that are nearly the same are together. A group's hash alone
says its part, so that rows that are added later, or come in another order, move no other group. The
exceptions are small: a group of over a twentieth of the rows is always trained on, and a held-out
part with less than half of its share gets the groups that are next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.data.groups import groups
from models.training_data.channel import PARTS
from models.training_data.near_duplicates import Hashes, PairArray, equal_pairs

TRAIN, VALIDATION, TEST = range(len(PARTS))
SHARES = (0.8, 0.1, 0.1)
"""Of train, validation and test."""
LARGE_SHARE = 0.05
MIN_GROUPS = 2
"""Groups to train on below which none is taken away."""
ABOUT = "80/10/10 by the hash of each group; rows of equal or nearly equal input are one group"
ABOUT_TEST = "test as given; validation is a tenth of the other rows, by the hash of each group"
ABOUT_BOTH = "test and validation as given"

Parts = NDArray[np.int16]


def joined_groups(inputs: Hashes, own: Hashes, near: Iterable[tuple[int, int]]) -> PairArray:
    """Return the number of each row's group, [n].

    Args:
        inputs: Hashes of inputs, [n].
        own: Hashes of the groups that rows name, [n]; 0 for none.
        near: Pairs of rows that are nearly the same.
    """
    rows = np.arange(len(inputs))
    named = np.flatnonzero(own)
    pairs = [equal_pairs(inputs, rows, inputs), equal_pairs(own[named], named, inputs[named])]
    every = [(int(one), int(other)) for one, other in np.concatenate(pairs)]
    return groups(len(inputs), [*every, *near])


def given_parts(said: Parts) -> Parts:
    """Return the parts that files say their rows are for, [n], as far as they can be taken.

    Rows for validation are the test where no others are. One part for all rows says nothing: a
    single file that is called `test.csv` is data like any other.
    """
    if len(said) and (said == said[0]).all():
        return np.full_like(said, -1)
    if (said == TEST).any():
        return said
    return np.where(said == VALIDATION, TEST, said).astype(np.int16)


def split_parts(group: PairArray, keys: Hashes, given: Parts) -> Parts:
    """Return the number in PARTS of each row, [n].

    Args:
        group: The number of each row's group, [n].
        keys: A hash of each row, [n]: a group's smallest says its part.
        given: The parts that rows were given for, -1 for none, [n]. If any is for a test, no other
            row is held out but for validation, and that only where no row was given for it.
    """
    if not len(group):
        return np.zeros(0, np.int16)
    fixed = bool((given == TEST).any())
    free = given != TEST if fixed else np.ones(len(group), np.bool_)
    if fixed and (given == VALIDATION).any():
        return np.where(given < 0, TRAIN, given).astype(np.int16)
    shares = (SHARES[0] + SHARES[2], SHARES[1], 0.0) if fixed else SHARES
    chosen = _parts_of_groups(group[free], keys[free], shares)
    parts = given.copy()
    parts[free] = chosen
    return parts


def _parts_of_groups(group: PairArray, keys: Hashes, shares: Sequence[float]) -> Parts:
    numbers, at = np.unique(group, return_inverse=True)
    first = np.full(len(numbers), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(first, at, keys)
    sizes = np.bincount(at)
    # Keys are compared as fractions: test from 0, then validation, then train.
    fraction = first / 2.0**64
    parts = np.full(len(numbers), TRAIN, np.int16)
    parts[fraction < shares[TEST] + shares[VALIDATION]] = VALIDATION
    parts[fraction < shares[TEST]] = TEST
    large = sizes > max(1, LARGE_SHARE * len(group))
    parts[large] = TRAIN
    order = [each for each in np.argsort(fraction, kind="stable") if not large[each]]
    _fill(parts, sizes, order or list(np.argsort(fraction, kind="stable")), shares)
    return np.asarray(parts[at], np.int16)


def _fill(parts: Parts, sizes: PairArray, order: Sequence[int], shares: Sequence[float]) -> None:
    """Give a held-out part of less than half its share the next groups, in the order of hashes."""
    if len(order) > 1 and not (parts == TRAIN).any():
        parts[order[-1]] = TRAIN
    for part in (TEST, VALIDATION):
        least = max(1.0, shares[part] * sizes.sum() / 2) if shares[part] else 0.0
        for each in order:
            if sizes[parts == part].sum() >= least or (parts == TRAIN).sum() < MIN_GROUPS:
                break
            if parts[each] == TRAIN:
                parts[each] = part

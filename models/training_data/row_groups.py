"""Which rows belong together: those of one group are of one part, and one observation."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.data.groups import groups, same_key_pairs
from models.training_data.rows import DataRow

RowGroups = NDArray[np.int64]
"""The number of each row's group, [n], by the group's first row."""


def row_groups(rows: Sequence[DataRow], others: Sequence[Hashable] | None = None) -> RowGroups:
    """Return the groups of rows: those of one `group`, and those of one picture, are together.

    `others` has one more key of each row, [n], such as its prompt: rows with the same are together.
    """
    keys = [
        [("group", row.group)] * (row.group is not None)
        + [("picture", row.image_file())] * (row.image_file() is not None)
        + ([("other", others[at])] if others is not None else [])
        for at, row in enumerate(rows)
    ]
    return key_groups(keys)


def key_groups(keys: Sequence[Iterable[Hashable]]) -> RowGroups:
    """Return the groups of items by their keys: those that share one are together."""
    return groups(len(keys), same_key_pairs(keys))

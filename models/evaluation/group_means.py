"""What each group of rows has: rows of one group are one observation, however many they are.

An interval over rows is too narrow where rows of one person, document or picture are alike: it is
taken over these values of groups.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.training_data.row_groups import RowGroups

Values = NDArray[np.float64]


def group_means(values: Values, groups: RowGroups) -> Values:
    """Return the mean of each group's rows, [groups], of values, [n]."""
    at = np.unique(groups, return_inverse=True)[1]
    return np.asarray(np.bincount(at, values) / np.bincount(at), np.float64)


def group_sums(counts: Values, groups: RowGroups) -> Values:
    """Return the sums of each group's rows, [groups, columns], of counts, [n, columns]."""
    names, at = np.unique(groups, return_inverse=True)
    found = np.zeros((len(names), counts.shape[1]))
    np.add.at(found, at, counts)
    return found

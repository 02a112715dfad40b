"""The best assignment of fields to columns, each of which is used at most once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def best_assignment(gains: NDArray[np.float64]) -> list[int | None]:
    """Return for each row the column that it is given, so that the sum of the gains is largest.

    A row is given no column rather than one whose gain is not above 0. It takes as many steps as
    the rows squared times the columns.
    J. Munkres, Algorithms for the assignment and transportation problems, 1957; with potentials
    and shortest paths, as R. Jonker and A. Volgenant, Computing 38, 1987.

    Args:
        gains: What giving a column to a row is worth, (rows, columns).
    """
    rows, width = gains.shape
    # A column of its own for each row is worth nothing, and stands for none.
    costs = np.hstack([-np.maximum(gains, 0.0), np.zeros((rows, rows))])
    count = width + rows
    row_price, column_price = np.zeros(rows + 1), np.zeros(count + 1)
    owner = np.full(count + 1, -1)
    for row in range(rows):
        owner[count] = row
        at = count
        least, before = np.full(count, np.inf), np.full(count, count)
        done = np.zeros(count + 1, dtype=bool)
        while owner[at] >= 0:
            done[at] = True
            current = owner[at]
            reduced = costs[current] - row_price[current] - column_price[:count]
            shorter = ~done[:count] & (reduced < least)
            least[shorter], before[shorter] = reduced[shorter], at
            open_least = np.where(done[:count], np.inf, least)
            following = int(open_least.argmin())
            step = open_least[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            least[~done[:count]] -= step
            at = following
        while at != count:
            owner[at], at = owner[before[at]], int(before[at])
    given: list[int | None] = [None] * rows
    for column in range(width):
        row = int(owner[column])
        if row >= 0 and gains[row, column] > 0:
            given[row] = column
    return given

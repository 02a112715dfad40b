from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chalicelib.inference.speech.alignment import warp


def cheapest(costs: np.ndarray) -> float:
    """Return the least cost of a way from corner to corner, by the plain recursion."""
    height, width = costs.shape
    best = np.full((height + 1, width + 1), np.inf)
    best[0, 0] = 0
    for row in range(height):
        for column in range(width):
            before = min(best[row, column], best[row, column + 1], best[row + 1, column])
            best[row + 1, column + 1] = costs[row, column] + before
    return float(best[height, width])


@settings(max_examples=80, deadline=None)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 8), st.integers(1, 12)),
        elements=st.floats(-4, 4, width=16),
    )
)
def test_the_way_is_the_cheapest_and_never_goes_back(costs: np.ndarray) -> None:
    rows, columns = warp(costs)
    assert (rows[0], columns[0]) == (0, 0)
    assert (rows[-1], columns[-1]) == (costs.shape[0] - 1, costs.shape[1] - 1)
    steps = {*zip(np.diff(rows).tolist(), np.diff(columns).tolist(), strict=True)}
    assert steps <= {(0, 1), (1, 0), (1, 1)}
    assert costs[rows, columns].sum() == pytest.approx(cheapest(costs), abs=1e-6)


def test_tokens_are_found_where_they_are_attended_to() -> None:
    attended = np.zeros((3, 30))
    attended[0, :8] = attended[1, 8:20] = attended[2, 20:] = 1
    rows, columns = warp(-attended)
    assert columns[np.flatnonzero(np.diff(rows, prepend=-1))].tolist() == [0, 8, 20]

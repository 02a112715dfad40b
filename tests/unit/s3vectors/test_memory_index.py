from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.s3vectors.memory_index import VectorMatrix, nearest


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_distances_are_exact_over_several_blocks(metric: str) -> None:
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(9000, 4)).astype(np.float32)
    query = generator.normal(size=4).astype(np.float32)
    matrix = VectorMatrix(4, metric)
    for vector in vectors:
        matrix.append(vector)
    wide, q = vectors.astype(np.float64), query.astype(np.float64)
    if metric == "cosine":
        expected = 1 - wide @ q / np.linalg.norm(wide, axis=1) / np.linalg.norm(q)
    else:
        expected = np.linalg.norm(wide - q, axis=1)
    assert matrix.distances(query) == pytest.approx(expected, abs=2e-6)


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.0]), st.booleans()), max_size=30),
    st.integers(1, 12),
)
def test_nearest_is_a_sort_cut_short(rows: list[tuple[float, bool]], count: int) -> None:
    values = np.array([value for value, _ in rows], np.float32)
    eligible = np.array([is_eligible for _, is_eligible in rows], np.bool_)
    expected = sorted(
        (row for row, (_, is_eligible) in enumerate(rows) if is_eligible),
        key=lambda row: (values[row], row),
    )
    assert nearest(values, eligible, count) == expected[:count]

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localcloud.s3vectors.fusion import fuse

RANKINGS = st.lists(st.lists(st.integers(0, 9), unique=True), max_size=4)


@given(RANKINGS)
def test_fusion_is_the_sum_of_reciprocal_ranks(rankings: list[list[int]]) -> None:
    expected: dict[int, float] = {}
    for ranking in rankings:
        for item in ranking:
            expected[item] = expected.get(item, 0.0) + 1 / (60 + ranking.index(item) + 1)
    fused = fuse(rankings)
    assert dict(fused) == expected
    assert [item for item, _ in fused] == sorted(expected, key=lambda item: (-expected[item], item))


def test_what_two_rankings_agree_on_comes_first() -> None:
    assert [item for item, _ in fuse([[1, 2, 3], [4, 2, 5]])] == [2, 1, 4, 3, 5]

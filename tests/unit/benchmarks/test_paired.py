from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import paired

TIMES = st.lists(st.floats(0.1, 10), min_size=1, max_size=9)


def test_a_ratio_should_be_the_median_of_pairs_and_not_of_sides() -> None:
    told = paired.ratio([2.0, 40.0, 6.0], [1.0, 10.0, 3.0])
    assert told["value"] == 2.0
    assert told["interval"] == [2.0, 4.0]


@given(TIMES)
def test_an_interval_should_hold_the_ratio_and_be_the_same_each_time(times: list[float]) -> None:
    told = paired.ratio(times, [1.0] * len(times))
    low, high = told["interval"]
    assert low <= told["value"] <= high
    assert told == paired.ratio(times, [1.0] * len(times))


@pytest.mark.parametrize(("over", "under"), [([], []), ([1.0], [1.0, 2.0])])
def test_what_is_no_pair_should_be_refused(over: list[float], under: list[float]) -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        paired.ratio(over, under)

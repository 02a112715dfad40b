"""pass@k, against the original estimator and against counting."""

from __future__ import annotations

from itertools import combinations
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput
from chalicelib.evaluation.code.pass_at_k import ProblemTally, pass_at_k, pass_rate


def original(n: int, c: int, k: int) -> float:
    """Return what the code of Chen et al. does, figure 3 of the paper, by floats."""
    if n - c < k:
        return 1.0
    return 1.0 - prod(1.0 - k / place for place in range(n - c + 1, n + 1))


@given(st.integers(1, 400), st.data())
def test_it_should_be_that_of_the_original_estimator(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert abs(pass_at_k(n, c, k) - original(n, c, k)) < 1e-12


@pytest.mark.parametrize(("n", "c", "k"), [(5, 2, 1), (5, 2, 3), (6, 1, 4), (4, 4, 2), (4, 0, 4)])
def test_it_should_be_the_share_of_subsets_with_one_that_passes(n: int, c: int, k: int) -> None:
    subsets = list(combinations(range(n), k))
    passing = sum(1 for each in subsets if min(each) < c)
    assert pass_at_k(n, c, k) == pytest.approx(passing / len(subsets), abs=1e-15)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 2, 0), (5, 2, 6), (0, 0, 1)])
def test_what_cannot_be_should_be_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(InvalidInput):
        pass_at_k(n, c, k)


def test_the_interval_should_come_of_problems_and_be_the_same_again() -> None:
    tallies = [ProblemTally(10, passed) for passed in (0, 0, 5, 10, 10, 10, 10, 10)]
    rate = pass_rate(tallies, 1, seed=3)
    assert rate == pass_rate(tallies, 1, seed=3)
    assert rate.value == pytest.approx(5.5 / 8)
    assert 0.3 < rate.low < rate.value < rate.high <= 1.0
    perfect, hopeless = (pass_rate([ProblemTally(4, passed)] * 12, 4) for passed in (4, 0))
    assert perfect.low == pytest.approx(0.735, abs=1e-3)
    assert hopeless.high == pytest.approx(0.265, abs=1e-3)
    assert (perfect.high, hopeless.low) == (1.0, 0.0)
    with pytest.raises(InvalidInput, match="no problems"):
        pass_rate([], 1)

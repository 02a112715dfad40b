"""The tests against scipy 1.17.1: `ks_2samp(method="exact")` and `fisher_exact`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chalicelib.monitoring.two_samples import (
    category_psi,
    fisher_p_value,
    ks_distance,
    ks_p_value,
    numeric_psi,
)


def test_the_distance_of_two_samples_should_be_scipys() -> None:
    first = np.random.default_rng(1).normal(size=200)
    second = np.random.default_rng(2).normal(0.3, 1, size=300)
    assert ks_distance(first, second) == pytest.approx(0.19)
    assert ks_distance(first, first) == 0
    assert ks_distance(first, first + 100) == 1
    assert ks_distance(np.array([1.0, 1, 2]), np.array([1.0, 2, 2])) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("distance", "first", "second", "exact"),
    [(0.19, 200, 300, 3.0471921e-4), (0.0, 200, 300, 1.0), (1.0, 50, 50, 1.982e-29)],
)
def test_the_bound_should_not_be_below_the_exact_p_value(
    distance: float, first: int, second: int, exact: float
) -> None:
    bound = ks_p_value(distance, first, second)
    assert exact <= bound
    assert bound <= max(1.2 * exact, 1e-20)


@pytest.mark.parametrize(
    ("table", "exact"),
    [
        ((10, 200, 20, 1_000), 0.022276282103888),
        ((40, 200, 50, 1_000), 8.290096585830565e-11),
        ((5, 50, 0, 100), 0.0035814061740328),
        ((3, 50, 12, 500), 0.1477199350721435),
    ],
)
def test_the_test_of_shares_should_be_exact_and_count_both_sides(
    table: tuple[int, int, int, int], exact: float
) -> None:
    found = fisher_p_value(*table)
    assert exact <= found <= 2 * exact * (1 + 1e-6)
    assert fisher_p_value(0, 50, 0, 500) == 1
    assert fisher_p_value(0, 0, 5, 500) == 1


def test_the_stability_index_should_be_that_of_its_formula() -> None:
    base, new = {"a": 900, "b": 100}, {"a": 700, "b": 300}
    expected = (0.7 - 0.9) * math.log(0.7 / 0.9) + (0.3 - 0.1) * math.log(0.3 / 0.1)
    assert category_psi(base, new) == pytest.approx(expected, rel=0.01)
    assert category_psi(base, base) == 0
    assert category_psi({"a": 500}, {"a": 400, "new": 100}) > 0.5


def test_numbers_should_be_binned_as_the_baseline_fills_them() -> None:
    base = np.arange(1_000, dtype=float)
    assert numeric_psi(base, base) == pytest.approx(0)
    assert numeric_psi(base, base + 500) > 1
    assert numeric_psi(np.zeros(500), np.zeros(200)) < 0.01
    assert numeric_psi(np.zeros(500), np.ones(200)) > 1
    assert numeric_psi(base, np.empty(0)) == 0

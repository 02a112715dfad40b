"""The sequential tests, against values worked by hand and against what they promise."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.rollouts import ArmCounts
from chalicelib.rollouts.sequential_tests import EValues, compare_pairs, compare_shares

PROVEN = -math.log(0.025)


def arm(calls: int, events: int) -> ArmCounts:
    return ArmCounts(calls=calls, events=events)


arms = st.integers(0, 500).flatmap(
    lambda calls: st.integers(0, calls).map(lambda events: arm(calls, events))
)


def test_should_say_nothing_without_data() -> None:
    assert compare_shares(arm(0, 0), arm(100, 50), 0.05) == EValues()
    assert compare_shares(arm(100, 0), arm(0, 0), 0.05) == EValues()
    assert compare_pairs(arm(0, 0)) == EValues()


def test_should_agree_with_a_pair_worked_by_hand() -> None:
    # Jeffreys' mixture gives one hit of one call 1/2; at most half of the pairs allows 1/2, too,
    # and at least half allows 1.
    found = compare_pairs(arm(1, 1))
    assert found.worse == pytest.approx(0)
    assert found.not_worse == pytest.approx(math.log(1 / 2))


def test_should_agree_with_shares_worked_by_hand() -> None:
    # One call each, the event in the candidate's alone: each arm has 1/2 under its mixture, both
    # together 1/8 (B(1.5, 1.5) / B(.5, .5)). At margin 1/2 the best is rate 1/2 - x, 1 - x, so
    # (1/2 + x)(1 - x), which is highest at x = 1/4: 9/16. Free rates, 0 and 1, give 1.
    found = compare_shares(arm(1, 0), arm(1, 1), 0.5)
    assert found.worse == pytest.approx(math.log((1 / 4) / (9 / 16)))
    assert found.not_worse == pytest.approx(math.log((1 / 4 + 1 / 8) / 2))


@given(arms, arms, st.floats(0.001, 0.99))
def test_should_never_prove_both_sides(
    live: ArmCounts, candidate: ArmCounts, margin: float
) -> None:
    found = compare_shares(live, candidate, margin)
    assert min(found.worse, found.not_worse) < PROVEN
    assert not math.isnan(found.worse)
    assert not math.isnan(found.not_worse)


@given(arms, arms)
def test_should_find_a_wider_margin_easier_to_keep(live: ArmCounts, candidate: ArmCounts) -> None:
    narrow, wide = (compare_shares(live, candidate, margin) for margin in (0.05, 0.2))
    assert narrow.worse >= wide.worse - 1e-9
    assert narrow.not_worse <= wide.not_worse + 1e-9


@pytest.mark.parametrize(("rate", "margin"), [(0.02, 0.05), (0.3, 0.1)])
def test_should_rarely_promote_what_is_worse_by_exactly_the_margin(
    rate: float, margin: float
) -> None:
    rng = random.Random(5)
    wrong = 0
    for _ in range(200):
        live, candidate = arm(0, 0), arm(0, 0)
        for _ in range(20):
            live = _more(live, rate, rng)
            candidate = _more(candidate, rate + margin, rng)
            if compare_shares(live, candidate, margin).not_worse >= PROVEN:
                wrong += 1
                break
    assert wrong <= 200 * 0.025


def _more(before: ArmCounts, rate: float, rng: random.Random) -> ArmCounts:
    hits = sum(rng.random() < rate for _ in range(20))
    return arm(before.calls + 20, before.events + hits)

"""The budget of one evaluation, beside that of its tenant."""

from __future__ import annotations

import pytest

from chalicelib.budgets.limits import SpendingLimits
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.errors import QuotaExceeded, Unsupported
from chalicelib.evaluation.suite_budget import SuiteBudget
from tests.unit.budgets.fakes import Bench

ACME = Spender("acme", "key")
MOST = MaxCost(400, 10)


def budget(bench: Bench) -> SuiteBudget:
    return SuiteBudget(bench.budgets, bench.records, "E1", 1_000, bench.clock)


def test_calls_should_be_made_as_long_as_the_most_that_they_cost_is_left() -> None:
    given = budget(Bench())
    first, second = (given.reserve(ACME, "nova-micro", MOST) for _ in range(2))
    with pytest.raises(QuotaExceeded, match=r"\$0.000001 has no room for .* while") as taken:
        given.reserve(ACME, "nova-micro", MOST)
    assert taken.value.reserved
    given.release(first)
    given.settle(second, ActualCost(700))
    with pytest.raises(QuotaExceeded, match=r"\$0.000001 has no room for a call that") as told:
        given.reserve(ACME, "nova-micro", MOST)
    assert (told.value.field, told.value.limit) == ("budget", "0.000001")
    assert not told.value.reserved
    given.settle(given.reserve(ACME, "nova-micro", MaxCost(300, 10)), ActualCost(300))
    with pytest.raises(QuotaExceeded):
        given.reserve(ACME, "nova-micro", MaxCost(1, 10))


def test_a_call_that_could_cost_more_than_the_whole_budget_should_not_wait() -> None:
    with pytest.raises(QuotaExceeded, match="has no room"):
        budget(Bench()).reserve(ACME, "nova-micro", MaxCost(1_001, 10))


def test_what_a_killed_worker_had_reserved_should_come_back_once_it_expired() -> None:
    bench = Bench()
    given = budget(bench)
    lost = given.reserve(ACME, "nova-micro", MaxCost(900, 10), seconds=60)
    bench.clock.passes(seconds=59)
    with pytest.raises(QuotaExceeded, match="while other calls"):
        given.reserve(ACME, "nova-micro", MOST)
    bench.clock.passes(seconds=1)
    given.settle(given.reserve(ACME, "nova-micro", MOST), ActualCost(400))
    # The worker was not dead, but slow: what its call cost counts, and counts once.
    for _ in range(2):
        given.settle(lost, ActualCost(300))
    given.reserve(ACME, "nova-micro", MaxCost(300, 10))
    with pytest.raises(QuotaExceeded, match="while other calls"):
        given.reserve(ACME, "nova-micro", MaxCost(1, 10))


def test_a_settlement_that_is_repeated_should_count_once() -> None:
    given = budget(Bench())
    made = given.reserve(ACME, "nova-micro", MOST)
    for _ in range(3):
        given.settle(made, ActualCost(100))
    given.release(made)
    given.reserve(ACME, "nova-micro", MaxCost(900, 10))
    with pytest.raises(QuotaExceeded, match="while other calls"):
        given.reserve(ACME, "nova-micro", MaxCost(1, 10))


def test_what_the_evaluation_has_no_room_for_should_take_nothing_of_the_tenant() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=1_500))
    given = budget(bench)
    given.reserve(ACME, "nova-micro", MaxCost(1_000, 10))
    with pytest.raises(QuotaExceeded, match="evaluation"):
        given.reserve(ACME, "nova-micro", MOST)
    bench.budgets.reserve(ACME, "nova-micro", MaxCost(500, 10))


def test_a_call_that_cost_more_than_was_reserved_should_count_whole() -> None:
    given = budget(Bench())
    given.settle(given.reserve(ACME, "nova-micro", MOST), ActualCost(1_200))
    with pytest.raises(QuotaExceeded):
        given.reserve(ACME, "nova-micro", MaxCost(1, 10))


def test_what_the_tenant_has_no_money_for_should_take_nothing_of_the_evaluation() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=300))
    poor = budget(bench)
    with pytest.raises(QuotaExceeded) as told:
        poor.reserve(ACME, "nova-micro", MOST)
    assert "evaluation" not in told.value.message
    bench.stage = SpendingLimits(nanodollars_a_day=2_000)
    budget(bench).reserve(ACME, "nova-micro", MaxCost(1_000, 10))


def test_a_model_without_a_price_should_be_refused() -> None:
    with pytest.raises(Unsupported, match="has no price"):
        budget(Bench()).reserve(ACME, "nova-micro", MaxCost(None, 10))

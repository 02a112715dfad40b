"""The budget of one evaluation, beside that of its tenant."""

from __future__ import annotations

import pytest

from chalicelib.budgets.limits import SpendingLimits
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.errors import QuotaExceeded, Unsupported
from chalicelib.evaluation.suite_budget import SuiteBudget
from tests.unit.budgets.fakes import NOW, Bench

ACME = Spender("acme", "key")
MOST = MaxCost(400, 10)


def budget(bench: Bench) -> SuiteBudget:
    return SuiteBudget(bench.budgets, bench.records, "E1", 1_000, lambda: NOW)


def test_calls_should_be_made_as_long_as_the_most_that_they_cost_is_left() -> None:
    given = budget(Bench())
    first, second = (given.reserve(ACME, "nova-micro", MOST) for _ in range(2))
    with pytest.raises(QuotaExceeded, match=r"budget of \$0.000001 has no room for a call") as told:
        given.reserve(ACME, "nova-micro", MOST)
    assert (told.value.field, told.value.limit) == ("budget", "0.000001")
    given.release(first)
    given.settle(second, ActualCost(100))
    given.reserve(ACME, "nova-micro", MaxCost(900, 10))
    with pytest.raises(QuotaExceeded):
        given.reserve(ACME, "nova-micro", MaxCost(1, 10))


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

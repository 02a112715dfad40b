"""Slices: budgets for many like calls, in few writes, and no limit passed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.budgets.changes import day_item
from chalicelib.budgets.leased_budgets import MAX_CALLS, MAX_SECONDS, LeasedBudgets
from chalicelib.budgets.ledger import COMMITTED, OPEN, REQUESTS, SPENT, TOKENS_IN, counter_value
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import LimitsGiven, TenantLimitsGiven
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled, Transient
from tests.unit.budgets.fakes import NOW, Bench

ACME = Spender("acme", "ab12", correlation_id="c1")
CALL = MaxCost(10, 5)


class Purse:
    """Slices of budgets in memory, at a time that the test sets."""

    def __init__(self, **limits: object) -> None:
        self.bench = Bench()
        given = LimitsGiven.model_validate(limits)
        self.bench.records.given["acme"] = TenantLimitsGiven(tenant=given)
        self.now = 0.0
        self.logged: list[HeadraceError] = []
        self.slices = LeasedBudgets(self.bench.budgets, lambda: self.now, self.logged.append)

    def count(self, measure: str) -> int:
        item = self.bench.records.item("acme", day_item(NOW.date()))
        return counter_value(item, measure)  # type: ignore[arg-type]

    def call(self, most: MaxCost = CALL, used: int = 7) -> None:
        part = self.slices.reserve(ACME, "nova", most)
        self.slices.settle(part, ActualCost(used, 3))


def money(nanodollars: int) -> Decimal:
    return dollars(nanodollars)


def test_many_calls_should_take_one_write_to_reserve_and_one_to_settle() -> None:
    purse = Purse()
    purse.call()
    before = purse.bench.records.written
    for _ in range(MAX_CALLS - 1):
        purse.call()
    assert purse.bench.records.written == before
    purse.slices.flush()
    assert purse.bench.records.written == before + 1
    assert purse.count(SPENT) == purse.count(COMMITTED) == 7 * MAX_CALLS
    assert purse.count(TOKENS_IN) == 3 * MAX_CALLS
    assert (purse.count(REQUESTS), purse.count(OPEN)) == (MAX_CALLS, 0)


def test_all_of_a_slice_should_be_committed_before_its_first_call() -> None:
    purse = Purse()
    purse.slices.reserve(ACME, "nova", CALL)
    assert purse.count(COMMITTED) == 10 * MAX_CALLS


def test_a_slice_that_does_not_fit_should_be_tried_smaller_down_to_one_call() -> None:
    purse = Purse(dollars_a_day=money(95))
    for _ in range(9):
        purse.call(used=10)
    with pytest.raises(QuotaExceeded):
        purse.call(used=10)
    purse.slices.flush()
    assert purse.count(SPENT) == 90
    assert len(purse.bench.bus.published) == 1


def test_nobody_should_be_told_of_a_limit_that_only_a_slice_is_too_large_for() -> None:
    purse = Purse(dollars_a_day=money(95))
    purse.call()
    assert purse.bench.bus.published == []


def test_a_minute_should_be_kept_to_by_slices_and_take_back_what_was_not_asked() -> None:
    purse = Purse(requests_a_minute=40)
    for _ in range(3):
        purse.call()
    purse.slices.flush()
    for _ in range(37):
        purse.call()
    with pytest.raises(Throttled):
        purse.call()


def test_what_is_released_should_be_for_the_next_call() -> None:
    purse = Purse()
    for _ in range(2 * MAX_CALLS):
        purse.slices.release(purse.slices.reserve(ACME, "nova", CALL))
    assert purse.count(OPEN) == 1
    purse.slices.flush()
    assert (purse.count(COMMITTED), purse.count(REQUESTS), purse.count(OPEN)) == (0, 0, 0)


def test_a_slice_should_end_in_time_so_that_what_was_spent_is_seen() -> None:
    purse = Purse()
    purse.call()
    purse.now = MAX_SECONDS
    purse.call()
    assert purse.count(SPENT) == 7


def test_a_call_that_ends_after_the_flush_should_be_counted_once() -> None:
    purse = Purse()
    part = purse.slices.reserve(ACME, "nova", CALL)
    purse.slices.flush()
    assert purse.count(SPENT) == 0
    purse.slices.settle(part, ActualCost(4))
    purse.slices.settle(part, ActualCost(4))
    assert (purse.count(SPENT), purse.count(OPEN)) == (4, 0)


def test_a_larger_call_than_is_left_of_a_slice_should_have_one_of_its_own() -> None:
    purse = Purse()
    purse.call(MaxCost(1, 1), used=1)
    purse.call(MaxCost(1_000, 1), used=900)
    purse.slices.flush()
    assert (purse.count(SPENT), purse.count(OPEN)) == (901, 0)


def test_what_cannot_be_counted_should_be_logged_and_fail_nobody() -> None:
    purse = Purse()
    part = purse.slices.reserve(ACME, "nova", CALL)
    gone = Transient("gone")

    class Broken:
        reserve = purse.bench.budgets.reserve
        release = purse.bench.budgets.release

        def settle(self, reservation: object, used: ActualCost) -> None:
            raise gone

    purse.slices.budgets = Broken()
    purse.slices.settle(part, ActualCost(4))
    purse.slices.flush()
    assert purse.logged == [gone]


def test_threads_should_share_slices_and_lose_no_count() -> None:
    purse = Purse()
    each = 200

    def work() -> None:
        for _ in range(each):
            purse.call()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    purse.slices.flush()
    assert purse.count(SPENT) == 7 * 4 * each
    assert (purse.count(REQUESTS), purse.count(OPEN)) == (4 * each, 0)


@given(
    st.integers(1, 3_000),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 100), st.booleans()), max_size=60),
)
def test_no_limit_should_be_passed_and_all_that_was_used_be_counted(
    limit: int, calls: Sequence[tuple[int, int, bool]]
) -> None:
    purse = Purse(dollars_a_day=money(limit))
    spent = 0
    for most, share, is_made in calls:
        try:
            part = purse.slices.reserve(ACME, "nova", MaxCost(most, 1))
        except QuotaExceeded:
            assert spent + most > limit
            continue
        assert purse.count(COMMITTED) <= limit
        if is_made:
            spent += most * share // 100
            purse.slices.settle(part, ActualCost(most * share // 100))
        else:
            purse.slices.release(part)
    purse.slices.flush()
    assert purse.count(SPENT) == purse.count(COMMITTED) == spent <= limit


def test_a_slice_that_ended_should_be_settled_first_where_its_room_is_needed() -> None:
    purse = Purse(dollars_a_day=money(10 * MAX_CALLS + 50))
    for _ in range(MAX_CALLS + 1):
        purse.call(used=1)
    assert purse.count(SPENT) == MAX_CALLS
    assert purse.count(COMMITTED) == MAX_CALLS + 10 * MAX_CALLS
    assert purse.bench.bus.published == []

"""Slices where a budget is nearly used up or out of reach: no room lies idle, none is lost."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.budgets.leased_budgets import MAX_CALLS, MAX_SECONDS, LeasableBudgets
from chalicelib.budgets.ledger import COMMITTED, OPEN, SPENT
from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import LimitsGiven, Reservation, TenantLimitsGiven
from chalicelib.errors import HeadraceError, NotFound, QuotaExceeded, Throttled, Transient
from tests.unit.budgets.test_leased_budgets import ACME, CALL, Purse, money

LIMIT = 10 * MAX_CALLS


@dataclass
class Gone:
    """Budgets that nothing can be reserved of."""

    budgets: LeasableBudgets
    error: HeadraceError

    def reserve(
        self,
        spender: Spender,
        model: str,
        most: MaxCost,
        seconds: int = CALL_SECONDS,
        *,
        quietly: bool = False,
    ) -> Reservation:
        raise self.error

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        self.budgets.settle(reservation, used)

    def release(self, reservation: Reservation) -> None:
        self.budgets.release(reservation)


def begun(purse: Purse) -> Reservation:
    """Return a call under way, of a slice whose time has passed."""
    part = purse.slices.reserve(ACME, "nova", CALL)
    purse.now = MAX_SECONDS
    return part


def test_a_slice_should_go_on_where_it_holds_the_room_that_a_new_one_lacks() -> None:
    purse = Purse(dollars_a_day=money(LIMIT))
    part = begun(purse)
    for _ in range(MAX_CALLS - 1):
        purse.call(used=10)
        assert purse.count(COMMITTED) == LIMIT
    assert purse.bench.bus.published == []
    with pytest.raises(QuotaExceeded):
        purse.call()
    assert len(purse.bench.bus.published) == 1
    purse.slices.settle(part, ActualCost(10))
    assert (purse.count(SPENT), purse.count(OPEN)) == (LIMIT, 0)


def test_a_slice_that_goes_on_should_end_in_time_again() -> None:
    purse = Purse(dollars_a_day=money(LIMIT))
    part = begun(purse)
    purse.call(used=1)
    purse.slices.settle(part, ActualCost(1))
    assert purse.count(SPENT) == 0
    purse.now += MAX_SECONDS
    purse.call(used=1)
    assert purse.count(SPENT) == 2
    purse.slices.flush()
    assert (purse.count(SPENT), purse.count(OPEN)) == (3, 0)


def test_a_slice_of_which_too_little_is_left_should_not_go_on() -> None:
    purse = Purse(dollars_a_day=money(LIMIT))
    part = begun(purse)
    with pytest.raises(QuotaExceeded):
        purse.slices.reserve(ACME, "nova", MaxCost(LIMIT, 5))
    assert len(purse.bench.bus.published) == 1
    purse.slices.settle(part, ActualCost(4))
    assert (purse.count(SPENT), purse.count(OPEN)) == (4, 0)


def test_a_slice_should_not_go_on_when_it_may_expire_before_its_calls_end() -> None:
    purse = Purse(dollars_a_day=money(LIMIT))
    begun(purse)
    purse.now = CALL_SECONDS / 2 - 1
    purse.call()
    purse.now = CALL_SECONDS / 2
    with pytest.raises(QuotaExceeded):
        purse.call()


def test_a_slice_should_go_on_in_its_own_minute_alone() -> None:
    purse = Purse(requests_a_minute=MAX_CALLS)
    begun(purse)
    purse.call()
    purse.now = 50.0  # The minute of a slice that is made at 13:32:10 is over.
    with pytest.raises(Throttled):
        purse.call()


@pytest.mark.parametrize("error", [Transient("gone"), NotFound("gone"), HeadraceError("denied")])
def test_a_slice_should_be_settled_whatever_the_next_one_fails_by(error: HeadraceError) -> None:
    purse = Purse()
    purse.slices.settle(begun(purse), ActualCost(7, 3))
    purse.slices.budgets = Gone(purse.bench.budgets, error)
    with pytest.raises(type(error)):
        purse.call()
    purse.slices.flush()
    assert (purse.count(SPENT), purse.count(OPEN)) == (7, 0)


def test_a_slice_should_be_counted_once_though_reserving_failed_again_and_again() -> None:
    purse = Purse()
    part = begun(purse)
    purse.slices.budgets = Gone(purse.bench.budgets, Transient("gone"))
    for _ in range(3):
        with pytest.raises(Transient):
            purse.call()
    purse.slices.settle(part, ActualCost(7))
    purse.slices.budgets = purse.bench.budgets
    purse.call(used=2)
    assert purse.count(SPENT) == 7
    purse.slices.flush()
    assert (purse.count(SPENT), purse.count(OPEN)) == (9, 0)


@given(
    st.integers(10, 1_000),
    st.lists(st.tuples(st.sampled_from(["begin", "end", "wait"]), st.integers(0, 40)), max_size=80),
)
def test_whenever_calls_begin_and_end_no_limit_should_be_passed_and_none_be_lost(
    limit: int, steps: Sequence[tuple[str, int]]
) -> None:
    purse = Purse(dollars_a_day=money(limit))
    under_way: list[Reservation] = []
    spent = 0
    for step, number in steps:
        if step == "wait":
            purse.now += number
        elif step == "end" and under_way:
            part = under_way.pop(number % len(under_way))
            used = min(number, part.nanodollars)
            purse.slices.settle(part, ActualCost(used))
            spent += used
        elif step == "begin":
            try:
                under_way.append(purse.slices.reserve(ACME, "nova", MaxCost(number, 1)))
            except QuotaExceeded:
                assert purse.count(COMMITTED) + number > limit
        assert spent + sum(part.nanodollars for part in under_way) <= limit
        assert purse.count(COMMITTED) <= limit
    purse.slices.flush()
    for part in under_way:
        purse.slices.release(part)
    assert purse.count(SPENT) == purse.count(COMMITTED) == spent
    assert purse.count(OPEN) == 0


def test_threads_that_share_what_is_left_should_lose_no_count() -> None:
    purse = Purse(dollars_a_day=money(LIMIT))
    refused: list[QuotaExceeded] = []

    def work() -> None:
        for _ in range(MAX_CALLS):
            purse.now += MAX_SECONDS / 8
            try:
                purse.call(used=10)
            except QuotaExceeded as error:
                refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    purse.slices.flush()
    assert len(refused) >= 3 * MAX_CALLS
    made = 4 * MAX_CALLS - len(refused)
    assert (purse.count(SPENT), purse.count(OPEN)) == (10 * made, 0)


def test_what_a_slice_was_cut_to_should_be_forgotten_once_all_is_counted() -> None:
    purse = Purse(dollars_a_day=money(95))
    for _ in range(9):
        purse.call(used=10)
    with pytest.raises(QuotaExceeded):
        purse.call(used=10)
    purse.slices.flush()
    raised = LimitsGiven(dollars_a_day=money(10 * LIMIT))
    purse.bench.records.given["acme"] = TenantLimitsGiven(tenant=raised)
    purse.slices.reserve(ACME, "nova", CALL)
    assert purse.count(COMMITTED) == 90 + 10 * MAX_CALLS

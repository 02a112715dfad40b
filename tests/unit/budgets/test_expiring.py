"""What reservations become that nobody settled in time, and days and months that change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime

import pytest

from chalicelib.budgets.ledger import (
    COMMITTED,
    IN_MONTH,
    OPEN,
    SPENT,
    ChangeResult,
    LedgerChange,
    counter_value,
)
from chalicelib.budgets.limits import SpendingLimits
from chalicelib.budgets.spender import ActualCost, MaxCost
from chalicelib.contracts.budgets import (
    Reservation,
)
from chalicelib.errors import (
    QuotaExceeded,
)
from tests.unit.budgets.acme import ACME, DAY_1, DAY_2, NEXT_DAY, reserve, today
from tests.unit.budgets.fakes import Bench, FakeSpending


def test_should_return_what_was_never_settled_once_it_has_expired() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=100))
    reserve(bench, 100)
    with pytest.raises(QuotaExceeded):
        reserve(bench, 1)
    bench.clock.passes(seconds=901)
    reserve(bench, 100)
    assert counter_value(today(bench), COMMITTED) == 100
    assert counter_value(today(bench), OPEN) == 1


def test_should_clear_what_expired_on_the_way_of_who_comes_next() -> None:
    bench = Bench()
    for _ in range(5):
        reserve(bench, 100)
    bench.clock.passes(seconds=901)
    reserve(bench, 1)
    assert counter_value(today(bench), COMMITTED) == 1


def test_should_count_what_is_settled_after_it_expired() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=100))
    made = reserve(bench, 100)
    bench.clock.passes(seconds=901)
    reserve(bench, 10)
    for _ in range(2):
        bench.budgets.settle(made, ActualCost(70))
    assert counter_value(today(bench), SPENT) == 70
    assert counter_value(today(bench), COMMITTED) == 80
    assert counter_value(today(bench), OPEN) == 1


def test_should_begin_a_day_with_nothing_and_a_month_with_the_days_before() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=100, nanodollars_a_month=150))
    bench.budgets.settle(reserve(bench, 100), ActualCost(100))
    bench.clock.passes(days=1)
    reserve(bench, 50)
    with pytest.raises(QuotaExceeded, match="a month"):
        reserve(bench, 1)
    bench.clock.moment = datetime(2026, 12, 1, tzinfo=UTC)
    assert reserve(bench, 100)


def test_should_let_the_month_know_what_is_settled_after_midnight() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_month=100))
    before = bench.budgets.reserve(ACME, "nova", MaxCost(90, 0), seconds=86_400)
    bench.clock.passes(hours=11)
    reserve(bench, 10)
    bench.budgets.settle(before, ActualCost(20))
    assert counter_value(today(bench, NEXT_DAY), IN_MONTH) == 30
    assert counter_value(today(bench), COMMITTED) == 20
    reserve(bench, 70)
    with pytest.raises(QuotaExceeded):
        reserve(bench, 1)


class Meanwhile(FakeSpending):
    """Records in which another process corrects the day first, by what it read earlier."""

    corrected: bool = False

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        if "V:1" in change.write and not self.corrected:
            self.corrected = True
            stale = LedgerChange(
                change.item, write={"V:1": "1"}, remove=("V:0",), required=("V:0",)
            )
            super().apply(tenant, stale)
        return super().apply(tenant, change)


def test_should_correct_the_month_again_where_another_did_by_what_is_no_longer_so() -> None:
    bench = Bench(records=Meanwhile())
    made = bench.budgets.reserve(ACME, "nova", MaxCost(50, 0), seconds=86_400)
    bench.clock.passes(hours=11)
    reserve(bench, 1)
    bench.budgets.settle(made, ActualCost(3))
    assert counter_value(today(bench, NEXT_DAY), IN_MONTH) == 4


def test_should_let_the_month_know_what_expired_after_midnight() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_month=100))
    bench.clock.passes(hours=10, minutes=20)
    reserve(bench, 90)
    bench.clock.passes(minutes=10)
    reserve(bench, 10)
    bench.clock.passes(minutes=20)
    assert reserve(bench, 90), "the 90 of before midnight were never settled"


def test_should_move_to_the_new_day_where_the_old_one_was_closed() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_month=100))
    bench.budgets.settle(reserve(bench, 40), ActualCost(40))
    bench.clock.passes(hours=11)
    bench.budgets.settle(reserve(bench, 40), ActualCost(40))
    bench.clock.passes(hours=-1)
    late = reserve(bench, 20)
    assert late.day == date(2026, 11, 27)
    with pytest.raises(QuotaExceeded):
        reserve(bench, 1)


class Slow(FakeSpending):
    """Records that let another process reserve on the day before while a day is opened."""

    other: Callable[[], Reservation] | None = None

    def open_day(self, tenant: str, day: date, content: Mapping[str, int | str]) -> None:
        other, self.other = self.other, None
        if other is not None:
            other()
        super().open_day(tenant, day, content)


def test_should_not_forget_what_another_reserves_while_the_day_changes() -> None:
    records = Slow()
    limits = SpendingLimits(nanodollars_a_month=100)
    late, early = Bench(limits, records=records), Bench(limits, records=records)
    late.clock.moment = datetime(2026, 11, 26, 23, 59, 59, tzinfo=UTC)
    early.clock.moment = datetime(2026, 11, 27, 0, 0, 1, tzinfo=UTC)
    early.made = 1000
    late.budgets.settle(reserve(late, 10), ActualCost(10))
    records.other = lambda: reserve(late, 60)
    reserve(early, 30)
    assert (
        sum(counter_value(item, COMMITTED) for _, item in records.days("acme", DAY_1, DAY_2)) == 100
    )
    for bench in (late, early):
        with pytest.raises(QuotaExceeded):
            reserve(bench, 1)


def test_should_move_to_the_new_day_where_the_old_one_was_never_opened() -> None:
    bench = Bench()
    bench.clock.passes(hours=11)
    reserve(bench, 40)
    bench.clock.passes(hours=-1)
    assert reserve(bench, 20).day == date(2026, 11, 27)

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from chalicelib.budgets.changes import MAX_OPEN
from chalicelib.budgets.ledger import (
    COMMITTED,
    OPEN,
    REQUESTS,
    SPENT,
    TOKENS,
    TOKENS_IN,
    ChangeResult,
    LedgerChange,
    counter_value,
    open_entries,
)
from chalicelib.budgets.limits import TENANT_SCOPE, LimitScope, SpendingLimits
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import (
    BudgetExceeded,
    LimitsGiven,
    TenantLimitsGiven,
)
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import (
    HeadraceError,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.generation.dependencies import Budgets
from tests.unit.budgets.acme import ACME, DOLLAR, reserve, today
from tests.unit.budgets.fakes import NOW, Bench, FakeSpending


def test_should_take_a_reservation_off_the_tenant_the_key_and_the_model() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=DOLLAR))
    made = reserve(bench, 100)
    for scope in (TENANT_SCOPE, LimitScope("key", "ab12"), LimitScope("model", "nova")):
        assert counter_value(today(bench), COMMITTED, scope) == 100
        assert counter_value(today(bench), SPENT, scope) == 0
    assert [each for each, _ in open_entries(today(bench))] == [made.reservation_id]


def test_should_count_what_was_used_in_place_of_what_was_reserved() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=DOLLAR))
    bench.budgets.settle(reserve(bench, 100), ActualCost(30, tokens_in=7, tokens_out=2))
    for scope in (TENANT_SCOPE, LimitScope("key", "ab12"), LimitScope("model", "nova")):
        counted = [
            counter_value(today(bench), each, scope) for each in (COMMITTED, SPENT, TOKENS_IN)
        ]
        assert counted == [30, 30, 7]
        assert counter_value(today(bench), REQUESTS, scope) == 1
    assert counter_value(today(bench), OPEN) == 0


@pytest.mark.parametrize(
    ("stage", "given"),
    [
        (SpendingLimits(nanodollars_a_month=DOLLAR), {}),
        (SpendingLimits(), {"tenant": LimitsGiven(dollars_a_day=Decimal(1))}),
        (SpendingLimits(), {"keys": {"*": LimitsGiven(dollars_a_day=Decimal(1))}}),
        (SpendingLimits(), {"models": {"nova": LimitsGiven(dollars_a_month=Decimal(1))}}),
    ],
)
def test_should_refuse_what_has_no_price_wherever_dollars_are_limited(
    stage: SpendingLimits, given: dict[str, object]
) -> None:
    bench = Bench(stage)
    bench.records.given["acme"] = TenantLimitsGiven.model_validate(given)
    with pytest.raises(Unsupported, match="nova has no price"):
        bench.budgets.reserve(ACME, "nova", MaxCost(None, 10))
    assert bench.records.kept == {}


def test_should_let_what_has_no_price_pass_where_no_dollars_are_limited() -> None:
    bench = Bench(SpendingLimits(requests_a_minute=5))
    bench.records.given["acme"] = TenantLimitsGiven(
        models={"other": LimitsGiven(dollars_a_day=Decimal(1))}
    )
    made = bench.budgets.reserve(ACME, "nova", MaxCost(None, 10))
    bench.budgets.settle(made, ActualCost(0, 3, 4))
    assert counter_value(today(bench), REQUESTS) == 1


def test_should_tell_of_a_limit_whether_it_is_one_model_s() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=DOLLAR))
    bench.records.given["acme"] = TenantLimitsGiven(
        models={"nova": LimitsGiven(dollars_a_day=Decimal(0))}
    )
    with pytest.raises(QuotaExceeded) as of_model:
        reserve(bench, 1)
    assert of_model.value.of_model
    with pytest.raises(QuotaExceeded) as of_tenant:
        bench.budgets.reserve(ACME, "other", MaxCost(2 * DOLLAR, 0))
    assert not of_tenant.value.of_model


@pytest.mark.parametrize("period", ["dollars_a_day", "dollars_a_month"])
def test_should_tell_whether_a_limit_is_only_reserved(period: str) -> None:
    bench = Bench()
    bench.records.given["acme"] = TenantLimitsGiven(
        models={"nova": LimitsGiven.model_validate({period: dollars(100)})}
    )
    under_way = reserve(bench, 60)
    with pytest.raises(QuotaExceeded) as reserved:
        reserve(bench, 60)
    assert (reserved.value.of_model, reserved.value.reserved) == (True, True)
    with pytest.raises(QuotaExceeded) as too_dear:
        reserve(bench, 101)
    assert not too_dear.value.reserved
    bench.budgets.settle(under_way, ActualCost(60))
    with pytest.raises(QuotaExceeded) as spent:
        reserve(bench, 60)
    assert not spent.value.reserved


def test_should_settle_once_however_often_it_is_said() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=DOLLAR))
    made = reserve(bench, 100, spender=Spender("acme", "ab12", "station"))
    for _ in range(3):
        bench.budgets.settle(made, ActualCost(30))
        bench.budgets.release(made)
    assert counter_value(today(bench), COMMITTED) == counter_value(today(bench), SPENT) == 30
    ((_, _, item),) = bench.records.collections("acme", made.day, made.day)
    assert counter_value(item, SPENT) == 30


def test_should_count_as_many_requests_as_were_made_of_those_reserved_for() -> None:
    bench = Bench()
    budgets: Budgets = bench.budgets
    made = budgets.reserve(ACME, "nova", MaxCost(100, 0, requests=50))
    budgets.settle(made, ActualCost(30, requests=48))
    assert counter_value(today(bench), REQUESTS) == 48


class Fails(FakeSpending):
    """Records that lose all writes but those of days, once they are told to."""

    failing: bool = False

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        if self.failing and not change.item.startswith("SPENDING#"):
            raise Transient("the table is away")
        return super().apply(tenant, change)


def test_should_settle_though_what_comes_after_it_fails() -> None:
    records = Fails()
    bench = Bench(SpendingLimits(tokens_a_minute=100), records=records)
    made = reserve(bench, 100, tokens=90, spender=Spender("acme", "ab12", "station"))
    records.failing = True
    bench.budgets.settle(made, ActualCost(30, tokens_in=5))
    assert counter_value(today(bench), SPENT) == 30
    assert [str(error) for error in bench.logged] == ["the table is away"] * 2


class CannotSweep(FakeSpending):
    """Records in which nothing can be given back."""

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        if any(name.startswith("X:") for name in change.write):
            raise Transient("the table is away")
        return super().apply(tenant, change)


def test_should_reserve_though_what_expired_cannot_be_given_back() -> None:
    bench = Bench(records=CannotSweep())
    reserve(bench, 100)
    bench.clock.passes(seconds=901)
    assert reserve(bench, 1)
    assert [str(error) for error in bench.logged] == ["the table is away"]


def test_should_give_all_of_a_released_reservation_back_and_count_no_request() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=DOLLAR))
    made = reserve(bench, 100)
    bench.budgets.release(made)
    bench.budgets.settle(made, ActualCost(50))
    assert [counter_value(today(bench), each) for each in (COMMITTED, SPENT, REQUESTS, OPEN)] == [
        0,
        0,
        0,
        0,
    ]


def test_should_count_more_than_was_reserved_where_it_was_more() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=100))
    bench.budgets.settle(reserve(bench, 100), ActualCost(130))
    assert counter_value(today(bench), COMMITTED) == 130
    with pytest.raises(QuotaExceeded):
        reserve(bench, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (TenantLimitsGiven(tenant=LimitsGiven(dollars_a_day=Decimal(1))), "tenant: $1 a day"),
        (
            TenantLimitsGiven(keys={"ab12": LimitsGiven(dollars_a_day=Decimal("0.5"))}),
            "key ab12: $0.5 a day",
        ),
        (
            TenantLimitsGiven(models={"nova": LimitsGiven(dollars_a_month=Decimal("0.5"))}),
            "model nova: $0.5 a month",
        ),
        (
            TenantLimitsGiven(keys={"*": LimitsGiven(dollars_a_day=Decimal("0.5"))}),
            "key ab12: $0.5 a day",
        ),
    ],
)
def test_should_refuse_by_the_limit_that_is_in_the_way_and_name_it(
    given: TenantLimitsGiven, words: str
) -> None:
    bench = Bench()
    bench.records.given["acme"] = given
    reserve(bench, 300_000_000)
    with pytest.raises(QuotaExceeded) as refused:
        reserve(bench, 800_000_000)
    assert refused.value.limit == words
    assert words in refused.value.message
    assert "left of" in refused.value.message
    assert counter_value(today(bench), COMMITTED) == 300_000_000


def test_should_say_how_much_is_left_and_when_the_day_opens_again() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=DOLLAR))
    reserve(bench, 980_000_000)
    with pytest.raises(QuotaExceeded) as refused:
        reserve(bench, 50_000_000)
    assert refused.value.message == (
        "This could cost $0.05, and $0.02 is left of tenant: $1 a day. "
        "It opens again at 2026-11-27T00:00:00Z."
    )
    assert refused.value.retry_after == 10 * 3600 + 27 * 60 + 50


def test_should_say_that_what_is_more_than_the_limit_is_never_had() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=DOLLAR))
    with pytest.raises(QuotaExceeded, match="more than the limit ever gives"):
        reserve(bench, 2 * DOLLAR)


def test_should_wait_for_the_limit_that_opens_last() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=100, nanodollars_a_month=100))
    reserve(bench, 100)
    with pytest.raises(QuotaExceeded, match="It opens again at 2026-12-01T00:00:00Z"):
        reserve(bench, 10)


def test_should_let_an_operator_lift_the_stage_s_limit_and_refuse_everything() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=10))
    bench.records.given["acme"] = TenantLimitsGiven(tenant=LimitsGiven(dollars_a_day=None))
    reserve(bench, 1000)
    bench.records.given["acme"] = TenantLimitsGiven(tenant=LimitsGiven(dollars_a_day=Decimal(0)))
    with pytest.raises(QuotaExceeded):
        reserve(bench, 1)
    assert reserve(bench, 0), "what costs nothing is not refused"


def test_should_throttle_requests_and_tokens_until_the_next_minute() -> None:
    bench = Bench(SpendingLimits(requests_a_minute=2, tokens_a_minute=100))
    reserve(bench, 0, 60)
    with pytest.raises(Throttled) as refused:
        reserve(bench, 0, 41)
    assert refused.value.limit == "tenant: 100 tokens a minute"
    assert refused.value.retry_after == 50
    assert "40 tokens is left" in refused.value.message
    reserve(bench, 0, 40)
    with pytest.raises(Throttled, match="0 requests is left"):
        reserve(bench, 0, 0)
    bench.clock.passes(seconds=50)
    reserve(bench, 0, 100)


def test_should_give_tokens_that_were_not_used_back_to_the_minute() -> None:
    bench = Bench(SpendingLimits(tokens_a_minute=100))
    made = reserve(bench, 0, 90)
    bench.budgets.settle(made, ActualCost(0, tokens_in=10, tokens_out=5))
    assert counter_value(today(bench, f"MINUTE#{made.minute}"), TOKENS) == 15
    reserve(bench, 0, 85)


def test_should_leave_a_minute_alone_that_has_passed() -> None:
    bench = Bench(SpendingLimits(tokens_a_minute=100))
    made = reserve(bench, 0, 90)
    bench.clock.passes(minutes=1)
    bench.budgets.settle(made, ActualCost(0, tokens_in=10))
    assert counter_value(today(bench, f"MINUTE#{made.minute}"), TOKENS) == 90


def test_should_give_the_minute_back_where_the_day_refuses() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=10, requests_a_minute=1))
    with pytest.raises(QuotaExceeded):
        reserve(bench, 11)
    assert reserve(bench, 10)


def test_should_bound_what_is_open_at_once() -> None:
    bench = Bench()
    for _ in range(MAX_OPEN):
        reserve(bench, 0)
    with pytest.raises(Throttled) as refused:
        reserve(bench, 0)
    assert refused.value.retry_after
    assert refused.value.limit == f"tenant: {MAX_OPEN} calls at once"


def test_should_tell_the_bus_once_for_each_limit_and_period() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=100))
    for _ in range(3):
        with pytest.raises(QuotaExceeded):
            reserve(bench, 101)
    (told,) = bench.bus.published
    assert isinstance(told, BudgetExceeded)
    assert (told.scope, told.period, told.limit) == ("tenant", "day", Decimal("0.000000100"))
    assert (told.correlation_id, told.time) == ("req-1", NOW)
    bench.clock.passes(days=1)
    with pytest.raises(QuotaExceeded):
        reserve(bench, 101)
    assert len(bench.bus.published) == 2


def test_should_tell_the_bus_later_where_it_failed_and_refuse_all_the_same() -> None:
    bench = Bench(SpendingLimits(nanodollars_a_day=100))
    bench.bus.fails = Transient("the bus is away")
    with pytest.raises(QuotaExceeded):
        reserve(bench, 101)
    assert bench.logged == [bench.bus.fails]
    bench.bus.fails = None
    with pytest.raises(QuotaExceeded):
        reserve(bench, 101)
    assert len(bench.bus.published) == 1


def test_should_tell_the_bus_nothing_of_a_minute() -> None:
    bench = Bench(SpendingLimits(requests_a_minute=0))
    with pytest.raises(Throttled):
        reserve(bench, 0)
    assert bench.bus.published == []


def test_should_refuse_a_tenant_that_is_gone_and_write_nothing_of_it() -> None:
    bench = Bench()
    bench.records.gone.add("acme")
    with pytest.raises(NotFound):
        reserve(bench, 1)
    assert bench.records.kept == {}


class RemovedMeanwhile(FakeSpending):
    """Records whose tenant begins to be removed between the two looks at it."""

    def tenant_exists(self, tenant: str) -> bool:
        stays = tenant not in self.gone
        self.gone.add(tenant)
        return stays


def test_should_leave_nothing_behind_of_a_tenant_that_is_removed_meanwhile() -> None:
    bench = Bench(records=RemovedMeanwhile())
    with pytest.raises(NotFound):
        reserve(bench, 1)
    assert bench.records.kept == {}


def test_should_keep_what_a_repeated_write_finds_of_itself() -> None:
    """A client that lost the answer writes again: the reservation is there, and counted once."""

    class Repeats(Bench):
        def _new_id(self) -> str:
            return "res-the-same"

    bench = Repeats(SpendingLimits(nanodollars_a_day=100))
    reserve(bench, 60)
    reserve(bench, 60)
    assert counter_value(today(bench), COMMITTED) == 60


def test_should_raise_only_our_errors_where_the_day_never_comes_to_rest() -> None:
    class Restless(FakeSpending):
        def open_day(self, tenant: str, day: date, content: Mapping[str, int | str]) -> None:
            return

    with pytest.raises(HeadraceError, match="again and again"):
        reserve(Bench(records=Restless()), 1)

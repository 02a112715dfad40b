"""The counters on the local cloud's DynamoDB, by the adapter that production has."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.budgets import BudgetRecords
from chalicelib.adapters.records.tenant_erasure import TenantErasure
from chalicelib.adapters.records.writes import tenant_key
from chalicelib.budgets.changes import MINUTE, day_item, sum_counters
from chalicelib.budgets.ledger import (
    COMMITTED,
    IN_MONTH,
    OPEN,
    REQUESTS,
    SPENT,
    LedgerChange,
    LedgerStore,
    counter_value,
    iter_counters,
    open_entries,
)
from chalicelib.budgets.limits import TENANT_SCOPE, UNLIMITED, LimitScope, SpendingLimits
from chalicelib.budgets.reservations import TenantBudgets
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import LimitsGiven, Reservation, TenantLimitsGiven
from chalicelib.errors import Conflict, NotFound, QuotaExceeded, Throttled
from tests.cloud import CloudProcess
from tests.integration.budgets.conftest import THREADS
from tests.unit.budgets.fakes import NOW, FakeBus, FakeSpending

TODAY = date(2026, 11, 26)
ACME = Spender("acme", "ab12", "station")


@pytest.fixture
def records(table: DynamoTable) -> BudgetRecords:
    return BudgetRecords(table)


@pytest.fixture(params=["of the table", "in memory"])
def either(request: pytest.FixtureRequest) -> LedgerStore:
    """Return records of the table, and those that the unit tests stand on: they do the same."""
    if request.param == "in memory":
        return FakeSpending()
    return BudgetRecords(request.getfixturevalue("table"))


def budgets(
    records: LedgerStore,
    stage: SpendingLimits = UNLIMITED,
    now: datetime = NOW,
    bus: FakeBus | None = None,
) -> TenantBudgets:
    def make_id() -> str:
        return secrets.token_urlsafe(9)

    return TenantBudgets(records, bus or FakeBus(), stage, lambda: now, make_id, print)


def test_should_make_a_change_whole_or_not_at_all(either: LedgerStore) -> None:
    either.apply("acme", LedgerChange("x", add={"c:t/": 5}, write={"R:one": "[1]"}))
    refused = (
        LedgerChange("x", add={"c:t/": 1}, max_before={"c:t/": 4}),
        LedgerChange("x", add={"c:t/": 1}, max_before={"c:t/": 5, "c:k/a": -1}),
        LedgerChange("x", add={"c:t/": 1}, absent=("R:one",)),
        LedgerChange("x", add={"c:t/": 1}, required=("R:two",), remove=("R:two",)),
    )
    for change in refused:
        counted = either.apply("acme", change)
        assert (counted.applied, counted.item) == (False, {"c:t/": 5, "R:one": "[1]"})
    made = either.apply(
        "acme",
        LedgerChange(
            "x",
            add={"c:t/": -2, "c:m/amazon.nova-micro-v1:0": 7},
            max_before={"c:t/": 5, "c:k/a": 0},
            write={"X:one": "[2]"},
            remove=("R:one",),
            required=("R:one",),
            keep_until=1_800_000_000,
        ),
    )
    there = {
        "c:t/": 3,
        "c:m/amazon.nova-micro-v1:0": 7,
        "X:one": "[2]",
        "expires_at": 1_800_000_000,
    }
    assert (made.applied, made.item) == (True, there)
    assert either.item("acme", "x") == there
    assert either.item("acme", "y") == {}


def test_should_refuse_a_change_of_what_is_not_there(either: LedgerStore) -> None:
    counted = either.apply("acme", LedgerChange("x", add={"n": 1}, required=("opened",)))
    assert (counted.applied, counted.item) == (False, {})
    assert either.item("acme", "x") == {}


def test_should_open_a_day_once(either: LedgerStore) -> None:
    either.open_day("acme", TODAY, {"opened": "1", "m:t/": 3})
    either.open_day("acme", TODAY, {"opened": "1", "m:t/": 9})
    assert either.item("acme", day_item(TODAY)) == {"opened": "1", "m:t/": 3}
    either.drop_days("acme", (TODAY, TODAY - timedelta(days=1)))
    assert either.item("acme", day_item(TODAY)) == {}


def test_should_find_days_and_collections_between_two_days(either: LedgerStore) -> None:
    for n in range(5):
        day = TODAY + timedelta(days=7 * n)
        either.open_day("acme", day, {"n": n})
        either.open_day("other", day, {"n": n})
        for name in ("a", "b"):
            either.apply("acme", LedgerChange(f"COLLECTED#{day}#{name}", add={"s:t/": n}))
    for first, last in ((1, 3), (0, 4), (2, 2)):
        begin, end = (TODAY + timedelta(days=7 * n) for n in (first, last))
        found = list(either.days("acme", begin, end))
        assert [item["n"] for _, item in found] == list(range(first, last + 1))
        assert [day for day, _ in found] == sorted(day for day, _ in found)
        names = [name for _, name, _ in either.collections("acme", begin, end)]
        assert names == ["a", "b"] * (last - first + 1)
    assert list(either.days("acme", TODAY + timedelta(days=1), TODAY + timedelta(days=6))) == []
    assert len(list(either.days("acme", date.min, date.max))) == 5
    assert len(list(either.collections("acme", date.min, date.max))) == 10


@pytest.mark.parametrize("first", [date(2026, 11, 1), date(2026, 11, 10), date(2026, 1, 1)])
def test_should_find_a_day_by_itself_and_none_before_it(either: LedgerStore, first: date) -> None:
    for day in (first - timedelta(days=1), first, first + timedelta(days=1)):
        either.open_day("acme", day, {"opened": "1"})
        either.apply("acme", LedgerChange(f"COLLECTED#{day}#a", add={"s:t/": 1}))
    assert [day for day, _ in either.days("acme", first, first)] == [first]
    assert [day for day, _, _ in either.collections("acme", first, first)] == [first]


def test_should_tell_once(either: LedgerStore) -> None:
    assert [either.mark_announced("acme", "x", 1_800_000_000) for _ in range(2)] == [True, False]
    either.unmark_announced("acme", "x")
    assert either.mark_announced("acme", "x", 1_800_000_000)


def test_should_know_a_tenant_that_stays(table: DynamoTable, records: BudgetRecords) -> None:
    pk, sk = tenant_key("leaving")
    table.put(Put({"pk": pk, "sk": sk, "removing": "job"}))
    assert [records.tenant_exists(each) for each in ("acme", "leaving", "none")] == [
        True,
        False,
        False,
    ]
    with pytest.raises(NotFound):
        budgets(records).reserve(Spender("leaving"), "nova", MaxCost(1, 0))
    assert [item["sk"] for item in table.query(pk, "")] == ["TENANT"]


def test_should_keep_limits_as_they_were_given(records: BudgetRecords) -> None:
    none, given = (
        TenantLimitsGiven(),
        TenantLimitsGiven(
            tenant=LimitsGiven(dollars_a_day=Decimal("5.50"), requests_a_minute=None),
            keys={"*": LimitsGiven(tokens_a_minute=10)},
        ),
    )
    assert records.limits("acme") == none
    records.replace_limits("acme", none, given)
    kept = records.limits("acme")
    assert kept == given
    assert kept.tenant.model_fields_set == {"dollars_a_day", "requests_a_minute"}
    with pytest.raises(Conflict):
        records.replace_limits("acme", none, TenantLimitsGiven())
    records.replace_limits("acme", kept, none)
    assert records.limits("acme") == none


def test_should_go_with_the_tenant(
    cloud: CloudProcess, table: DynamoTable, records: BudgetRecords
) -> None:
    records.replace_limits(
        "acme",
        TenantLimitsGiven(),
        TenantLimitsGiven(
            tenant=LimitsGiven(dollars_a_day=Decimal("0.000000100"), requests_a_minute=9)
        ),
    )
    asked = budgets(records)
    asked.settle(asked.reserve(ACME, "nova", MaxCost(60, 0)), ActualCost(60))
    with pytest.raises(QuotaExceeded):
        asked.reserve(ACME, "nova", MaxCost(60, 0))
    kinds = {str(item["sk"]).partition("#")[0] for item in table.query("TENANT#acme", "")}
    assert kinds == {"TENANT", "LIMITS", "SPENDING", "MINUTE", "COLLECTED", "TOLD"}
    erasure = TenantErasure(cloud.client("s3"), cloud.client("s3vectors"), table)
    erasure.erase_last("acme", "no-job")
    assert list(table.query("TENANT#acme", "")) == []


def at_once(calls: int, call: Callable[[int], object]) -> list[object]:
    """Return what each of the calls returns or raises, all made at once."""

    def caught(n: int) -> object:
        try:
            return call(n)
        except (QuotaExceeded, Throttled) as refused:
            return refused

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(caught, range(calls)))


def test_should_never_exceed_a_budget_that_two_hundred_ask_for_at_once(
    records: BudgetRecords,
) -> None:
    """Room for 60 by the tenant's month, of which one key may have 25 and one model 40 a day."""
    records.replace_limits(
        "acme",
        TenantLimitsGiven(),
        TenantLimitsGiven(
            tenant=LimitsGiven(dollars_a_month=Decimal("0.60")),
            keys={"k0": LimitsGiven(dollars_a_day=Decimal("0.25"))},
            models={"m0": LimitsGiven(dollars_a_day=Decimal("0.40"))},
        ),
    )
    bus = FakeBus()
    asked = budgets(records, bus=bus)
    cent = 10_000_000

    def reserve(n: int) -> Reservation:
        spender = Spender("acme", f"k{n % 2}", "station" if n % 3 else "")
        return asked.reserve(spender, f"m{n // 2 % 2}", MaxCost(cent, 100))

    outcomes = at_once(THREADS, reserve)
    made = [each for each in outcomes if isinstance(each, Reservation)]
    day = records.item("acme", day_item(TODAY))
    assert len(made) == len(list(open_entries(day))) == counter_value(day, OPEN)
    assert len(made) <= 60
    assert counter_value(day, COMMITTED) == counter_value(day, IN_MONTH) == len(made) * cent
    for scope, most in (
        (TENANT_SCOPE, 60),
        (LimitScope("key", "k0"), 25),
        (LimitScope("model", "m0"), 40),
    ):
        assert counter_value(day, COMMITTED, scope) <= most * cent
    # Whoever was refused was in the way of a limit that is used up now.
    full = {
        scope for scope, amount in iter_counters(day, COMMITTED) if amount in (60 * cent, 25 * cent)
    }
    assert TENANT_SCOPE in full
    told = [(event.scope, event.period) for event in bus.published]  # type: ignore[attr-defined]
    assert len(told) == len(set(told)) > 0

    twice = [*made, *made[:10]]
    at_once(len(twice), lambda n: asked.settle(twice[n], ActualCost(cent // 2, 70, 30)))
    day = records.item("acme", day_item(TODAY))
    assert counter_value(day, OPEN) == 0
    assert counter_value(day, COMMITTED) == counter_value(day, SPENT) == len(made) * cent // 2
    for measure, total in ((SPENT, len(made) * cent // 2), (REQUESTS, len(made))):
        for kind in ("key", "model"):
            parts = [amount for scope, amount in iter_counters(day, measure) if scope.kind == kind]
            assert sum(parts) == total
    of_station = [each for each in made if each.collection]
    found = [item for _, _, item in records.collections("acme", TODAY, TODAY)]
    assert sum_counters(found, REQUESTS)[TENANT_SCOPE] == len(of_station)


def test_should_never_exceed_a_month_while_the_day_changes(records: BudgetRecords) -> None:
    """Half of those who ask are still in the day before, by their clocks."""
    limits = SpendingLimits(nanodollars_a_month=50)
    before = budgets(records, limits, datetime(2026, 11, 26, 23, 59, 59, tzinfo=UTC))
    after = budgets(records, limits, datetime(2026, 11, 27, 0, 0, 0, tzinfo=UTC))
    outcomes = at_once(
        THREADS, lambda n: (before, after)[n % 2].reserve(ACME, "nova", MaxCost(1, 0))
    )
    made = [each for each in outcomes if isinstance(each, Reservation)]
    days = [item for _, item in records.days("acme", TODAY, TODAY + timedelta(days=1))]
    assert len(made) == sum_counters(days)[TENANT_SCOPE] == 50
    assert {each.day for each in made} <= {TODAY, TODAY + timedelta(days=1)}


def test_should_let_through_as_many_as_a_minute_takes(records: BudgetRecords) -> None:
    asked = budgets(records, SpendingLimits(requests_a_minute=30, tokens_a_minute=2_500))
    outcomes = at_once(THREADS, lambda _: asked.reserve(ACME, "nova", MaxCost(0, 100)))
    assert sum(isinstance(each, Reservation) for each in outcomes) == 25
    assert all(isinstance(each, Reservation | Throttled) for each in outcomes)
    minute = records.item("acme", f"{MINUTE}2026-11-26T13:32")
    assert counter_value(minute, REQUESTS) == 25
    assert int(minute["expires_at"]) > NOW.timestamp()


def test_should_return_to_nothing_what_was_never_settled(records: BudgetRecords) -> None:
    count = 45
    asked = budgets(records, SpendingLimits(nanodollars_a_day=count))
    made = at_once(count, lambda _: asked.reserve(ACME, "nova", MaxCost(1, 0)))
    assert all(isinstance(each, Reservation) for each in made)
    later = budgets(records, SpendingLimits(nanodollars_a_day=count), NOW + timedelta(minutes=16))
    outcomes = at_once(count, lambda _: later.reserve(ACME, "nova", MaxCost(1, 0)))
    assert all(isinstance(each, Reservation) for each in outcomes)
    day = records.item("acme", day_item(TODAY))
    assert (
        counter_value(day, COMMITTED)
        == counter_value(day, OPEN)
        == len(list(open_entries(day)))
        == count
    )

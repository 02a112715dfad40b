"""Budgets under any order of reserving, settling, releasing, dying and waiting, over days."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chalicelib.budgets.changes import day_item, sum_counters
from chalicelib.budgets.days import BudgetDays
from chalicelib.budgets.ledger import (
    COMMITTED,
    IN_MONTH,
    OPEN,
    REQUESTS,
    SPENT,
    LedgerItem,
    counter_value,
    expired_entries,
    iter_counters,
    takes_reservations,
)
from chalicelib.budgets.limits import TENANT_SCOPE, LimitScope
from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import LimitsGiven, Reservation, TenantLimitsGiven
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import QuotaExceeded
from tests.soak import often
from tests.unit.budgets.fakes import Bench

FIRST, LAST = date(2026, 11, 1), date(2026, 12, 31)
KEYS = ("ab12", "cd34")
MODELS = ("nova", "claude")
DAILY, MONTHLY, KEY_DAILY, MODEL_MONTHLY = 100, 250, 70, 150


def money(amount: int) -> Decimal:
    return dollars(amount)


LIMITS = TenantLimitsGiven(
    tenant=LimitsGiven(dollars_a_day=money(DAILY), dollars_a_month=money(MONTHLY)),
    keys={"*": LimitsGiven(dollars_a_day=money(KEY_DAILY))},
    models={"claude": LimitsGiven(dollars_a_month=money(MODEL_MONTHLY))},
)


class BudgetsOverDays(RuleBasedStateMachine):
    """Nothing is used beyond what was reserved here, so no limit may be broken by anything."""

    most_part = 1.0
    settles_late = False

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.bench.records.given["acme"] = LIMITS
        self.open: list[Reservation] = []
        self.spent: Counter[LimitScope] = Counter()
        self.beyond: Counter[tuple[date, LimitScope]] = Counter()
        self.settled = 0

    @rule(
        key=st.sampled_from(KEYS),
        model=st.sampled_from(MODELS),
        most=st.integers(0, 60),
        seconds=st.sampled_from((900, 200_000)),
    )
    def reserve(self, key: str, model: str, most: int, seconds: int) -> None:
        before, spender = self._days(), Spender("acme", key)
        try:
            made = self.bench.budgets.reserve(spender, model, MaxCost(most, 0), seconds)
        except QuotaExceeded:
            refused = True
        else:
            refused = False
            self.open.append(made)
        assert refused == self._in_the_way(before, key, model, most)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), part=st.floats(0, 1), times=st.integers(1, 3))
    def settle(self, data: st.DataObject, part: float, times: int) -> None:
        made = self._take(data)
        is_late = made.expires_at <= self.bench.clock()
        if is_late and not self.settles_late:
            return
        used = int(made.nanodollars * part * self.most_part)
        for _ in range(times):
            self.bench.budgets.settle(made, ActualCost(used, tokens_in=1))
        self.settled += 1
        for scope in (TENANT_SCOPE, LimitScope("key", made.key), LimitScope("model", made.model)):
            self.spent[scope] += used
            self.beyond[made.day, scope] += max(0, used - (0 if is_late else made.nanodollars))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.bench.budgets.release(self._take(data))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self._take(data)

    @rule(minutes=st.sampled_from((1, 16, 300, 700, 1440)))
    def wait(self, minutes: int) -> None:
        if self.bench.clock.moment.date() < LAST - timedelta(days=2):
            self.bench.clock.passes(minutes=minutes)

    @invariant()
    def no_limit_is_broken_but_by_what_was_used_beyond(self) -> None:
        month: Counter[tuple[int, LimitScope]] = Counter()
        for day, item in self._days():
            for scope, amount in iter_counters(item, COMMITTED):
                within = amount - self.beyond[day, scope]
                assert within <= {"tenant": DAILY, "key": KEY_DAILY}.get(scope.kind, DAILY)
                month[day.month, scope] += within
        for (_, scope), within in month.items():
            assert within <= (MODEL_MONTHLY if scope.name == "claude" else MONTHLY)

    @invariant()
    def nothing_is_below_zero_and_keys_and_models_add_up(self) -> None:
        for _, item in self._days():
            for measure in (COMMITTED, SPENT, REQUESTS):
                found = dict(iter_counters(item, measure))
                assert all(amount >= 0 for amount in found.values())
                for kind in ("key", "model"):
                    parts = [amount for scope, amount in found.items() if scope.kind == kind]
                    assert sum(parts) == counter_value(item, measure)

    @invariant()
    def what_was_settled_is_what_is_spent(self) -> None:
        items = [item for _, item in self._days()]
        found = {scope: amount for scope, amount in sum_counters(items, SPENT).items() if amount}
        assert found == {scope: amount for scope, amount in self.spent.items() if amount}
        assert sum_counters(items, REQUESTS).get(TENANT_SCOPE, 0) == self.settled

    @invariant()
    def the_month_is_never_taken_for_less_than_it_is(self) -> None:
        today = self.bench.clock().date()
        days = self._days()
        for day, item in days:
            if day == today and takes_reservations(item):
                month = [other for each, other in days if each.month == day.month]
                for scope, amount in sum_counters(month).items():
                    assert counter_value(item, IN_MONTH, scope) >= amount

    def teardown(self) -> None:
        """Let all that is open expire: nothing stays reserved."""
        self.bench.clock.passes(days=4)
        days = BudgetDays(self.bench.records, self.bench.clock)
        for day, item in self._days():
            left: LedgerItem | None = item
            while left is not None:
                left = days.release_expired("acme", day_item(day), left)
        for _, item in self._days():
            assert counter_value(item, OPEN) == 0
            assert counter_value(item, COMMITTED) == counter_value(item, SPENT)

    def _take(self, data: st.DataObject) -> Reservation:
        return self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))

    def _days(self) -> list[tuple[date, LedgerItem]]:
        return list(self.bench.records.days("acme", FIRST, LAST))

    def _in_the_way(
        self, before: list[tuple[date, LedgerItem]], key: str, model: str, most: int
    ) -> bool:
        """Tell whether some limit had no room, with all given back that had expired by then."""
        now = self.bench.clock()
        day = [item for each, item in before if each == now.date()]
        month = [item for each, item in before if each.month == now.month]
        room = [
            DAILY - _committed(day, TENANT_SCOPE, now.timestamp()),
            MONTHLY - _committed(month, TENANT_SCOPE, now.timestamp()),
            KEY_DAILY - _committed(day, LimitScope("key", key), now.timestamp()),
        ]
        if model == "claude":
            room.append(
                MODEL_MONTHLY - _committed(month, LimitScope("model", model), now.timestamp())
            )
        return most > max(0, min(room))


def _committed(days: list[LedgerItem], scope: LimitScope, now: float) -> int:
    """Return what is spent and reserved of `scope`, less what has expired."""
    gone = (
        entry for item in days for _, entry in expired_entries(item, now) if scope in entry.scopes
    )
    return sum(counter_value(item, COMMITTED, scope) for item in days) - sum(
        e.nanodollars for e in gone
    )


class BudgetsWithSurprises(BudgetsOverDays):
    """Calls cost up to twice what was reserved, and are settled after they have expired, too."""

    most_part = 2.0
    settles_late = True


for machine in (BudgetsOverDays, BudgetsWithSurprises):
    machine.TestCase.settings = settings(
        max_examples=often(60, 15), stateful_step_count=60, deadline=None
    )
TestBudgetsOverDays = BudgetsOverDays.TestCase
TestBudgetsWithSurprises = BudgetsWithSurprises.TestCase

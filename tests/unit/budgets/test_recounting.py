"""Reservations that a killed process left open, settled by the charges that it had written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.budgets.changes import day_item
from chalicelib.budgets.leased_budgets import MAX_CALLS, LeasedBudgets
from chalicelib.budgets.ledger import (
    COMMITTED,
    IMAGES,
    OPEN,
    REQUESTS,
    SPENT,
    TOKENS_IN,
    TOKENS_OUT,
    Measure,
    counter_value,
)
from chalicelib.budgets.limits import LimitScope
from chalicelib.budgets.settlement import Recount, start_recount
from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, Bill, MaxCost, Spender
from chalicelib.contracts.budgets import Charge
from chalicelib.errors import Transient
from tests.unit.budgets.fakes import NOW, Bench

ACME = Spender("acme", "ab12", correlation_id="c1")
CALL = MaxCost(100, 50)
DAY = NOW.date()


@dataclass
class Process:
    """A process that makes calls, and writes down what they were charged."""

    slices: LeasedBudgets
    pending: list[Bill] = field(default_factory=list)

    def call(self, used: int, spender: Spender = ACME) -> None:
        bill = Bill()
        part = self.slices.reserve(replace(spender, bill=bill), "nova", CALL)
        self.slices.settle(part, ActualCost(used, used + 1, used + 2, used % 2))
        self.pending.append(bill)

    def fail(self) -> None:
        self.slices.release(self.slices.reserve(replace(ACME, bill=Bill()), "nova", CALL))

    def hang(self) -> None:
        self.slices.reserve(replace(ACME, bill=Bill()), "nova", CALL)


@dataclass
class Town:
    """Processes on one budget, and the charges that were written. `now` is their clock."""

    bench: Bench = field(default_factory=Bench)
    now: float = 0.0
    written: list[Charge] = field(default_factory=list)

    def process(self) -> Process:
        return Process(
            LeasedBudgets(self.bench.budgets, lambda: self.now, self.bench.logged.append)
        )

    def write(self, process: Process) -> None:
        if process.pending:
            bill = process.pending.pop(0)
            self.written += bill.charges
            bill.confirm_written()

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.bench.clock.passes(seconds=seconds)

    def recounted(self) -> int:
        found = self.recount()
        found.add_charges(self.written)
        return found.settle_charged()

    def recount(self) -> Recount:
        return start_recount(self.bench.records, self.bench.budgets.settle, "acme", DAY, DAY)

    def expire(self) -> None:
        """Let what is open expire, and somebody come who gives it back."""
        self.passes(CALL_SECONDS + 1)
        other = Spender("acme", "other", correlation_id="c2")
        self.bench.budgets.release(self.bench.budgets.reserve(other, "other", MaxCost(1, 1)))

    def count(self, measure: Measure) -> int:
        """Return what is counted of a measure, which is the same for tenant, key and model."""
        item = self.bench.records.item("acme", day_item(DAY))
        scopes = (LimitScope("key", "ab12"), LimitScope("model", "nova"))
        (found,) = {counter_value(item, measure, scope) for scope in scopes}
        return found

    def agrees(self) -> None:
        """What the budget counts is what was written, and nothing is reserved."""
        wanted = {
            SPENT: sum(charge.nanodollars for charge in self.written),
            COMMITTED: sum(charge.nanodollars for charge in self.written),
            REQUESTS: sum(charge.requests for charge in self.written),
            TOKENS_IN: sum(charge.tokens_in for charge in self.written),
            TOKENS_OUT: sum(charge.tokens_out for charge in self.written),
            IMAGES: sum(charge.images for charge in self.written),
        }
        assert {measure: self.count(measure) for measure in wanted} == wanted
        assert counter_value(self.bench.records.item("acme", day_item(DAY)), OPEN) == 0
        assert self.bench.logged == []


STEPS = st.sampled_from(["call", "call", "call", "fail", "hang", "write", "write", "flush", "kill"])


@given(
    st.lists(st.tuples(STEPS, st.integers(0, 2), st.integers(0, 100)), max_size=80),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_killed_when_the_budget_should_be_what_was_written(
    steps: list[tuple[str, int, int]], ends_whole: bool, expires: bool
) -> None:
    town = Town()
    processes = [town.process() for _ in range(3)]
    for step, which, number in steps:
        process = processes[which]
        town.passes(number / 20)
        match step:
            case "call":
                process.call(number)
            case "write":
                town.write(process)
            case "flush":
                process.slices.flush()
            case "kill":
                processes[which] = town.process()
            case name:
                getattr(process, name)()
    for process in processes if ends_whole else ():
        while process.pending:
            town.write(process)
        process.slices.flush()
    if expires:
        town.expire()
    town.recounted()
    town.expire()
    town.agrees()
    before = town.bench.records.written
    assert town.recounted() == 0
    assert town.bench.records.written == before


def test_what_ended_by_itself_should_take_no_write_more() -> None:
    town = Town()
    process = town.process()
    for _ in range(2 * MAX_CALLS):
        process.call(7)
        town.write(process)
    process.slices.flush()
    before = town.bench.records.written
    assert town.recounted() == 0
    assert town.bench.records.written == before
    town.agrees()


def test_a_slice_should_stay_open_until_the_last_of_its_charges_is_written() -> None:
    town = Town()
    process = town.process()
    process.call(7)
    process.call(9)
    process.slices.flush()
    assert town.count(SPENT) == 0
    town.write(process)
    assert (town.count(SPENT), town.count(COMMITTED)) == (0, MAX_CALLS * 100)
    town.write(process)
    assert (town.count(SPENT), town.count(COMMITTED)) == (16, 16)


def test_who_settles_late_should_count_nothing_twice() -> None:
    town = Town()
    process = town.process()
    process.call(7)
    bill = process.pending[0]
    town.written += bill.charges
    assert town.recounted() == 1
    bill.confirm_written()
    process.slices.flush()
    town.agrees()


def test_what_was_reserved_yesterday_should_be_counted_yesterday_and_in_the_month() -> None:
    town = Town()
    process = town.process()
    process.call(7)
    town.written += process.pending[0].charges
    town.bench.clock.passes(days=1)
    town.expire()
    assert town.recounted() == 1
    today = town.bench.records.item("acme", day_item(DAY + timedelta(days=1)))
    assert (town.count(SPENT), counter_value(today, SPENT), counter_value(today, "m")) == (7, 0, 7)


def test_a_table_that_does_not_answer_should_be_told_so_that_all_is_repeated() -> None:
    town = Town()
    process = town.process()
    process.call(7)
    town.written += process.pending[0].charges

    def settle(*_: object) -> None:
        raise Transient("The table is away.")

    found = start_recount(town.bench.records, settle, "acme", DAY, DAY)
    found.add_charges(town.written)
    with pytest.raises(Transient):
        found.settle_charged()
    assert town.recounted() == 1
    town.expire()
    town.agrees()

"""The budgets of a batch in memory, as its children spend them and its end settles them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.budgets.changes import day_item
from chalicelib.budgets.leased_budgets import MAX_CALLS, LeasedBudgets
from chalicelib.budgets.ledger import COMMITTED, OPEN, SPENT, TOKENS_IN, Measure, counter_value
from chalicelib.budgets.settlement import Recount, start_recount
from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, MaxCost, Spender
from chalicelib.contracts.generations import Generation
from chalicelib.contracts.receipts import Receipt, nanodollars
from chalicelib.errors import HeadraceError
from chalicelib.generation.dependencies import Budgets
from tests.unit.budgets.fakes import NOW, Bench

MOST = MaxCost(5_000, 50)


@dataclass
class Ledger:
    """A tenant's budget."""

    bench: Bench = field(default_factory=Bench)

    def purse(self, most_calls: int = MAX_CALLS) -> LeasedBudgets:
        """Return what one process spends."""
        return LeasedBudgets(self.bench.budgets, lambda: 0.0, self.bench.logged.append, most_calls)

    def recount(self, tenant: str, since: datetime) -> Recount:
        day = NOW.date()
        return start_recount(self.bench.records, self.bench.budgets.settle, tenant, day, day)

    def count(self, measure: Measure) -> int:
        return counter_value(self.bench.records.item("acme", day_item(NOW.date())), measure)

    def agrees(self, receipt: Receipt, *apart: ActualCost) -> None:
        """What the budget counts is what a receipt has, once what was lost has expired, but for
        what was settled `apart`.
        """
        self.bench.clock.passes(seconds=CALL_SECONDS + 1)
        other = Spender("acme", "other")
        self.bench.budgets.release(self.bench.budgets.reserve(other, "other", MaxCost(1, 1)))
        spent = nanodollars(receipt.dollars) - sum(used.nanodollars for used in apart)
        tokens = receipt.tokens_in - sum(used.tokens_in for used in apart)
        assert (self.count(SPENT), self.count(COMMITTED)) == (spent, spent)
        assert (self.count(TOKENS_IN), self.count(OPEN)) == (tokens, 0)
        assert self.bench.logged == []


def paid(budgets: Budgets | None, spender: Spender, ask: Callable[[], Generation]) -> Generation:
    """Return what `ask` does, paid for by `budgets` where there are any."""
    if budgets is None:
        return ask()
    part = budgets.reserve(spender, "nova-micro", MOST)
    try:
        made = ask()
    except HeadraceError as error:
        receipt = error.receipt
        if receipt is None:
            budgets.release(part)
        else:
            budgets.settle(part, _used(receipt))
        raise
    budgets.settle(part, _used(made.receipt))
    return made


def _used(receipt: Receipt) -> ActualCost:
    return ActualCost(nanodollars(receipt.dollars), receipt.tokens_in, receipt.tokens_out)

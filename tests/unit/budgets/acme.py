"""A tenant that spends, and two days on which it does."""

from __future__ import annotations

from datetime import date

from chalicelib.budgets.changes import day_item
from chalicelib.budgets.spender import MaxCost, Spender
from chalicelib.contracts.budgets import Reservation
from tests.unit.budgets.fakes import Bench

ACME = Spender("acme", "ab12", correlation_id="req-1")
DAY = day_item(date(2026, 11, 26))
NEXT_DAY = day_item(date(2026, 11, 27))
DAY_1, DAY_2 = date(2026, 11, 26), date(2026, 11, 27)
DOLLAR = 1_000_000_000


def reserve(bench: Bench, amount: int, tokens: int = 0, spender: Spender = ACME) -> Reservation:
    """Reserve so many nano-dollars and tokens for a call of one model."""
    return bench.budgets.reserve(spender, "nova", MaxCost(amount, tokens))


def today(bench: Bench, name: str = DAY) -> dict[str, int | str]:
    """Return what the record of a day of the tenant has."""
    return bench.records.kept["acme", name]

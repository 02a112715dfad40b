"""Settle and release reservations, and recount those that a killed process left open.

A reservation has one entry in its day, removed by a conditional write, so it is counted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from chalicelib.budgets.changes import (
    collection_change,
    minute_return_change,
    release_change,
    settlement_change,
)
from chalicelib.budgets.days import BudgetDays
from chalicelib.budgets.ledger import EXPIRED, unsettled_entries
from chalicelib.budgets.limits import day_of, minute_of
from chalicelib.budgets.spender import ActualCost
from chalicelib.contracts.budgets import Charge, Reservation
from chalicelib.errors import HeadraceError

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import LedgerItem, LedgerStore, ReservationEntry


@dataclass(frozen=True, slots=True)
class ReservationSettler:
    """Ends reservations of all tenants; `on_error` gets failures that no caller has to know."""

    records: LedgerStore
    utcnow: Callable[[], datetime]
    on_error: Callable[[HeadraceError], None]

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge what was used, which may be less or more than was reserved; idempotent.

        An expired reservation, which was given back, is charged all the same.
        """
        tenant = reservation.tenant
        counted = self.records.apply(tenant, settlement_change(reservation, used))
        if not counted.applied:
            if EXPIRED + reservation.reservation_id not in counted.item:
                return  # it was settled before
            late = settlement_change(reservation, used, was_expired=True)
            if not self.records.apply(tenant, late).applied:
                return
        if reservation.collection:
            with best_effort(self.on_error):
                self.records.apply(tenant, collection_change(reservation, used))
        self._correct_today(reservation)
        unmade = 0 if used.requests is None else reservation.requests - used.requests
        unused = reservation.tokens - used.tokens_in - used.tokens_out
        self.return_minute(reservation, unmade, unused)

    def release(self, reservation: Reservation) -> None:
        """Give a whole reservation back, as nothing was used; idempotent."""
        if self.records.apply(reservation.tenant, release_change(reservation)).applied:
            self._correct_today(reservation)
            self.return_minute(reservation, reservation.requests, reservation.tokens)

    def return_minute(self, reservation: Reservation, requests: int, tokens: int) -> None:
        """Give requests and tokens back to the minute of a reservation if it still runs."""
        if reservation.minute and reservation.minute == minute_of(self.utcnow()):
            change = minute_return_change(reservation, requests, tokens)
            if change is not None:
                with best_effort(self.on_error):
                    self.records.apply(reservation.tenant, change)

    def _correct_today(self, reservation: Reservation) -> None:
        """Correct the month in today's counters after a reservation of an earlier day ended."""
        today = day_of(self.utcnow())
        same_month = (today.year, today.month) == (reservation.day.year, reservation.day.month)
        if same_month and today > reservation.day:
            with best_effort(self.on_error):
                BudgetDays(self.records, self.utcnow).correct_month(reservation.tenant, today)


@contextmanager
def best_effort(log: Callable[[HeadraceError], None]) -> Iterator[None]:
    """Pass errors of the block to `log` instead of raising them.

    For what follows the one write that counts: if it fails, a row of a collection is lost, a minute
    keeps its count until it ends, and a month is corrected the next time.
    """
    try:
        yield
    except HeadraceError as error:
        log(error)


@dataclass(slots=True)
class Recount:
    """The unsettled reservations of a tenant, and their written charges."""

    unsettled: Mapping[str, Reservation]
    settle: Callable[[Reservation, ActualCost], None]
    _used: dict[str, ActualCost] = field(default_factory=dict)

    def add_charges(self, charges: Iterable[Charge]) -> None:
        """Add charges that were written; those of settled reservations are left out."""
        for charge in charges:
            if charge.reservation_id in self.unsettled:
                before = self._used.get(charge.reservation_id, ActualCost(0, requests=0))
                self._used[charge.reservation_id] = _sum(before, charge)

    def settle_charged(self) -> int:
        """Settle the reservations that had charges, and return how many there were.

        Raises:
            Transient, Throttled: the records could not be written; everything may be repeated.
        """
        for reservation_id, used in self._used.items():
            self.settle(self.unsettled[reservation_id], used)
        return len(self._used)


def start_recount(
    records: LedgerStore,
    settle: Callable[[Reservation, ActualCost], None],
    tenant: str,
    first: date,
    last: date,
) -> Recount:
    """Return the unsettled reservations of a tenant on the days from `first` to `last`."""
    return Recount(dict(_unsettled(tenant, records.days(tenant, first, last))), settle)


def _unsettled(
    tenant: str, days: Iterable[tuple[date, LedgerItem]]
) -> Iterator[tuple[str, Reservation]]:
    for day, item in days:
        for reservation_id, entry in unsettled_entries(item):
            yield reservation_id, _reservation(reservation_id, tenant, day, entry)


def _reservation(
    reservation_id: str, tenant: str, day: date, entry: ReservationEntry
) -> Reservation:
    """Return a reservation rebuilt from its entry, without its minute.

    Its minute has passed, or will have before it could delay a call.
    """
    expires = datetime.fromtimestamp(entry.expires_at, UTC)
    return Reservation(
        reservation_id=reservation_id,
        tenant=tenant,
        key=entry.key,
        model=entry.model,
        nanodollars=entry.nanodollars,
        day=day,
        made_at=expires,
        expires_at=expires,
    )


def _sum(before: ActualCost, charge: Charge) -> ActualCost:
    return ActualCost(
        before.nanodollars + charge.nanodollars,
        before.tokens_in + charge.tokens_in,
        before.tokens_out + charge.tokens_out,
        before.images + charge.images,
        (before.requests or 0) + charge.requests,
    )

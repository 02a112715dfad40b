"""Reservations that nobody settled, settled by what was written of them.

A process that is killed leaves its reservations open. They expire, and are given back whole, what
was used of them as well. But what was used stands beside the receipts, as charges: whoever reads
those again adds up what belongs to reservations that are open, or have expired, and settles these.
A reservation is settled once, by whomever: its entry is gone then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from chalicelib.budgets.ledger import left_open
from chalicelib.budgets.spending import Used
from chalicelib.contracts.budgets import Charge, Reservation

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import Entry, Item
    from chalicelib.budgets.ports import SpendingRecords


@dataclass(slots=True)
class Recount:
    """The reservations of a tenant that nobody has settled, and their charges as they are read."""

    unsettled: Mapping[str, Reservation]
    settle: Callable[[Reservation, Used], None]
    _used: dict[str, Used] = field(default_factory=dict)

    def add(self, charges: Iterable[Charge]) -> None:
        """Take charges that were written once; those of what is settled are left out."""
        for charge in charges:
            if charge.reservation_id in self.unsettled:
                before = self._used.get(charge.reservation_id, Used(0, requests=0))
                self._used[charge.reservation_id] = _sum(before, charge)

    def end(self) -> int:
        """Settle what had charges, and return how many that were.

        Raises:
            Transient, Throttled: the records could not be written; all of it may be repeated.
        """
        for reservation_id, used in self._used.items():
            self.settle(self.unsettled[reservation_id], used)
        return len(self._used)


def recount(
    records: SpendingRecords,
    settle: Callable[[Reservation, Used], None],
    tenant: str,
    first: date,
    last: date,
) -> Recount:
    """Return what a tenant has unsettled of the days from `first` to `last`."""
    return Recount(dict(_unsettled(tenant, records.days(tenant, first, last))), settle)


def _unsettled(tenant: str, days: Iterable[tuple[date, Item]]) -> Iterator[tuple[str, Reservation]]:
    for day, item in days:
        for reservation_id, entry in left_open(item):
            yield reservation_id, _reservation(reservation_id, tenant, day, entry)


def _reservation(reservation_id: str, tenant: str, day: date, entry: Entry) -> Reservation:
    """Return a reservation as far as its entry tells. Its minute has passed, or will have before
    anybody is held up by it.
    """
    expires = datetime.fromtimestamp(entry.expires, UTC)
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


def _sum(before: Used, charge: Charge) -> Used:
    return Used(
        before.nanodollars + charge.nanodollars,
        before.tokens_in + charge.tokens_in,
        before.tokens_out + charge.tokens_out,
        before.images + charge.images,
        (before.requests or 0) + charge.requests,
    )

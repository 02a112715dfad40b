"""Settling and releasing: a reservation's entry is taken away, and what was used counted for it.

The entry is there or it is not, by one condition, so whatever settles it counts it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.budgets.changes import collecting, giving_minute, releasing, settling
from chalicelib.budgets.days import Days
from chalicelib.budgets.ledger import EXPIRED
from chalicelib.budgets.periods import day_of, minute_of
from chalicelib.errors import HeadraceError

if TYPE_CHECKING:
    from chalicelib.budgets.ports import SpendingRecords
    from chalicelib.budgets.spending import Used
    from chalicelib.contracts.budgets import Reservation


@dataclass(frozen=True, slots=True)
class Settling:
    """Ends reservations of all tenants; `log` is told of what failed that no caller has to hear."""

    records: SpendingRecords
    now: Callable[[], datetime]
    log: Callable[[HeadraceError], None]

    def settle(self, reservation: Reservation, used: Used) -> None:
        """Count what was used, be it less or more than was reserved; may be repeated.

        One that had expired, and was given back, is counted all the same.
        """
        tenant = reservation.tenant
        counted = self.records.change(tenant, settling(reservation, used))
        if not counted.made:
            if EXPIRED + reservation.reservation_id not in counted.item:
                return
            late = settling(reservation, used, was_expired=True)
            if not self.records.change(tenant, late).made:
                return
        if reservation.collection:
            with beside(self.log):
                self.records.change(tenant, collecting(reservation, used))
        self._tell_today(reservation)
        unmade = 0 if used.requests is None else reservation.requests - used.requests
        unused = reservation.tokens - used.tokens_in - used.tokens_out
        self.give_minute(reservation, unmade, unused)

    def release(self, reservation: Reservation) -> None:
        """Give all of a reservation back: nothing was used; may be repeated."""
        if self.records.change(reservation.tenant, releasing(reservation)).made:
            self._tell_today(reservation)
            self.give_minute(reservation, reservation.requests, reservation.tokens)

    def give_minute(self, of: Reservation, requests: int, tokens: int) -> None:
        """Give back to a minute that still runs; where that fails, it passes by itself."""
        if of.minute and of.minute == minute_of(self.now()):
            change = giving_minute(of, requests, tokens)
            if change is not None:
                with beside(self.log):
                    self.records.change(of.tenant, change)

    def _tell_today(self, reservation: Reservation) -> None:
        """Let today know what became of a reservation of an earlier day of its month."""
        today = day_of(self.now())
        same_month = (today.year, today.month) == (reservation.day.year, reservation.day.month)
        if same_month and today > reservation.day:
            with beside(self.log):
                Days(self.records, self.now).correct(reservation.tenant, today)


@contextmanager
def beside(log: Callable[[HeadraceError], None]) -> Iterator[None]:
    """Let what comes after the one write that counts fail without failing the caller: a row of
    a collection is lost then, a minute passes, and a month is corrected the next time.
    """
    try:
        yield
    except HeadraceError as error:
        log(error)

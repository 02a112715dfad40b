"""The budget of one evaluation, which holds beside the limits of its tenant.

The children of a Map spend it at the same time, so it is one item: a counter of what is spent and
reserved, and an entry for each reservation that is open. Each call reserves the most that it can
cost before it is made. What a killed worker had reserved is given back once it expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.ledger import (
    EXPIRED,
    RESERVED,
    LedgerChange,
    LedgerItem,
    ReservationEntry,
    expired_entries,
    open_entries,
)
from chalicelib.budgets.spender import CALL_SECONDS
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import QuotaExceeded, Transient, Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.budgets.ledger import ChangeResult
    from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
    from chalicelib.contracts.budgets import Reservation
    from chalicelib.generation.dependencies import Budgets

KEPT_DAYS = 90
MAX_TRIES = 8
"""Tries at one reservation: the item may have to be cleared of what expired."""
_COUNTER = "nanodollars"


class EvaluationLedger(Protocol):
    """Counters of tenants, changed on conditions."""

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        """Make a change, or none of it where a condition of it does not hold."""


@dataclass(frozen=True, slots=True)
class SuiteBudget:
    """Budgets of the stage, and under them `limit` nano-dollars for one evaluation.

    `owner` is what has the budget, and `advice` what to do if it is used up, for error messages.
    """

    inner: Budgets
    ledger: EvaluationLedger
    evaluation_id: str
    limit: int
    now: Callable[[], datetime]
    owner: str = "evaluation"
    advice: str = "Run the suite again with a larger one."

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        """Reserve `most` of the evaluation's budget and of the tenant's.

        Raises:
            QuotaExceeded: it could cost more than is left of either; `reserved` says that there
                would be room without what running calls reserved.
            Unsupported: the model has no price.
            Transient: concurrent callers changed the budget again and again.
        """
        if most.nanodollars is None:
            raise Unsupported(
                f"{model} has no price, and the {self.owner} has a budget in dollars; leave the "
                "budget or the model out.",
                field="budget",
            )
        reservation = self.inner.reserve(spender, model, most, seconds)
        try:
            self._enter(reservation)
        except BaseException:
            self.inner.release(reservation)
            raise
        return reservation

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge `used` in both, also where it is more than was reserved: it was spent."""
        self.inner.settle(reservation, used)
        self._close(reservation, used.nanodollars)

    def release(self, reservation: Reservation) -> None:
        """Give a whole reservation back to both."""
        self.inner.release(reservation)
        self._close(reservation, 0)

    def _enter(self, asked: Reservation) -> None:
        """Count a reservation and enter it; raises as `reserve`."""
        name = RESERVED + asked.reservation_id
        entry = ReservationEntry(
            asked.nanodollars, int(asked.expires_at.timestamp()), asked.key, asked.model
        )
        if asked.nanodollars > self.limit:
            raise self._refusal(asked, {})
        for _ in repeat(None, MAX_TRIES):
            change = LedgerChange(
                self._item,
                add={_COUNTER: asked.nanodollars},
                max_before={_COUNTER: self.limit - asked.nanodollars},
                write={name: entry.dump()},
                absent=(name,),
                keep_until=self._keep_until,
            )
            done = self.ledger.apply(asked.tenant, change)
            # An entry of this id means that an earlier try was written but its reply was lost.
            if done.applied or name in done.item:
                return
            gone = expired_entries(done.item, self.now().timestamp())
            if not gone:
                raise self._refusal(asked, done.item)
            for expired_id, expired in gone:
                self._give_back(asked.tenant, expired_id, expired)
        raise Transient(f"The budget of the {self.owner} was changed again and again meanwhile.")

    def _refusal(self, asked: Reservation, item: LedgerItem) -> QuotaExceeded:
        """Return why there is no room: for good, or while other calls are made."""
        reserved = sum(entry.nanodollars for _, entry in open_entries(item))
        spent = int(item.get(_COUNTER, 0)) - reserved
        budget = f"{dollars(self.limit).normalize():f}"
        call = f"a call that could cost ${dollars(asked.nanodollars).normalize():f}"
        told = f"; what was paid for is kept. {self.advice}"
        fits_later = spent + asked.nanodollars <= self.limit
        if fits_later:
            told = " while other calls of it are made; it is asked for again once they have ended."
        error = QuotaExceeded(
            f"The {self.owner}'s budget of ${budget} has no room for {call}{told}",
            field="budget",
            limit=budget,
        )
        error.reserved = fits_later
        return error

    def _give_back(self, tenant: str, reservation_id: str, entry: ReservationEntry) -> None:
        """Give an expired reservation back once; its call is charged whole if it ends after all."""
        name = RESERVED + reservation_id
        change = LedgerChange(
            self._item,
            add={_COUNTER: -entry.nanodollars},
            write={EXPIRED + reservation_id: entry.dump()},
            remove=(name,),
            required=(name,),
            keep_until=self._keep_until,
        )
        self.ledger.apply(tenant, change)

    def _close(self, reservation: Reservation, used: int) -> None:
        """Put what was used in the place of a reservation, once."""
        for kind, before in ((RESERVED, reservation.nanodollars), (EXPIRED, 0)):
            name = kind + reservation.reservation_id
            change = LedgerChange(
                self._item,
                add={_COUNTER: used - before},
                remove=(name,),
                required=(name,),
                keep_until=self._keep_until,
            )
            if self.ledger.apply(reservation.tenant, change).applied:
                return

    @property
    def _item(self) -> str:
        return f"EVALUATION#{self.evaluation_id}"

    @property
    def _keep_until(self) -> int:
        return int((self.now() + timedelta(days=KEPT_DAYS)).timestamp())

"""Reservations: the order in which a tenant's items are changed.

The minute comes first, since a wrong count in it ends with the minute. Then one change of the day's
item checks every limit in dollars, counts the reservation and enters it: nothing can come between,
and a repetition finds the entry. `settlement` removes the entry again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from typing import TYPE_CHECKING

from chalicelib.budgets.changes import day_item, minute_change, reservation_change
from chalicelib.budgets.days import BudgetDays
from chalicelib.budgets.ledger import (
    CLOSED,
    OPENED,
    RESERVED,
    LedgerItem,
    expired_entries,
    scopes_of_call,
)
from chalicelib.budgets.limits import SpendingLimits, TenantLimits, day_of, merge_limits, minute_of
from chalicelib.budgets.refusals import (
    LimitRefusal,
    dollar_refusals,
    exceeded_event,
    longest_refusal,
    minute_refusals,
    quota_error,
    throttling_error,
    too_many_open_error,
    unpriced_error,
)
from chalicelib.budgets.settlement import ReservationSettler, best_effort
from chalicelib.budgets.spender import CALL_SECONDS, ActualCost, MaxCost, Spender
from chalicelib.contracts.budgets import Reservation
from chalicelib.errors import HeadraceError, Transient

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import LedgerStore
    from chalicelib.contracts.events import EventBus

MAX_TRIES = 8
"""Tries at one reservation: a day may have to be opened, cleared of what expired, and corrected."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TenantBudgets:
    """The budgets of all tenants.

    `stage_limits` apply to a tenant for whom an operator set none. `on_error` is called with
    failures that no caller has to know, such as an event that could not be sent.
    """

    records: LedgerStore
    bus: EventBus
    stage_limits: SpendingLimits
    utcnow: Callable[[], datetime]
    new_id: Callable[[], str]
    on_error: Callable[[HeadraceError], None]

    def reserve(
        self,
        spender: Spender,
        model: str,
        most: MaxCost,
        seconds: int = CALL_SECONDS,
        *,
        quietly: bool = False,
    ) -> Reservation:
        """Reserve `most` from every limit of the spender and the model, or from none.

        With `quietly`, no event announces a reached limit: the caller will retry with less.

        Raises:
            QuotaExceeded: it could cost more than is left of a budget in dollars.
            Throttled: it is more than a minute still has of requests or tokens, or too many
                reservations are open.
            Unsupported: the model has no price, and a limit in dollars applies.
            NotFound: there is no such tenant, or it is being removed.
            Transient: concurrent callers changed the day again and again.
        """
        limits = merge_limits(self.stage_limits, self.records.limits(spender.tenant))
        if most.nanodollars is None:
            refusal = unpriced_error(model, limits, scopes_of_call(spender.key, model))
            if refusal is not None:
                raise refusal
        now = self.utcnow()
        reservation = Reservation(
            reservation_id=self.new_id(),
            tenant=spender.tenant,
            key=spender.key,
            model=model,
            collection=spender.collection,
            requests=most.requests,
            tokens=most.tokens,
            nanodollars=most.nanodollars or 0,
            day=day_of(now),
            minute=minute_of(now) if limits.has_minute_limits else "",
            made_at=now,
            expires_at=now + timedelta(seconds=seconds),
        )
        self._take_minute(reservation, limits)
        try:
            return self._take_day(reservation, limits, None if quietly else spender.correlation_id)
        except HeadraceError:
            self._settling.return_minute(reservation, reservation.requests, reservation.tokens)
            raise

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge what was used, which may be less or more than was reserved; idempotent.

        An expired reservation, which was given back, is charged all the same.
        """
        self._settling.settle(reservation, used)

    def release(self, reservation: Reservation) -> None:
        """Give a whole reservation back, as nothing was used; idempotent."""
        self._settling.release(reservation)

    def _take_day(
        self, asked: Reservation, limits: TenantLimits, correlation_id: str | None
    ) -> Reservation:
        """Enter the reservation in its day; announce a refusal unless `correlation_id` is None."""
        corrected = False
        for _ in repeat(None, MAX_TRIES):
            counted = self.records.apply(asked.tenant, reservation_change(asked, limits))
            # An entry of this id means that an earlier try was written but its reply was lost.
            if counted.applied or RESERVED + asked.reservation_id in counted.item:
                with best_effort(self.on_error):
                    self._sweep(asked, counted.item)
                return asked
            if OPENED not in counted.item or CLOSED in counted.item:
                asked = self._on_an_open_day(asked, counted.item)
            elif expired_entries(counted.item, self.utcnow().timestamp()):
                self._sweep(asked, counted.item)
            else:
                refusal = longest_refusal(dollar_refusals(asked, limits, counted.item))
                # Reservations of earlier days may have been settled for less: correct the month
                # once before it refuses a call.
                is_final = refusal is None or refusal.period == "day" or corrected
                if not is_final:
                    corrected = True
                    self._days.correct_month(asked.tenant, asked.day)
                    continue
                self._refuse(asked, refusal, counted.item, correlation_id)
        raise Transient(f"The budget of {asked.tenant} was changed again and again meanwhile.")

    def _on_an_open_day(self, asked: Reservation, item: LedgerItem) -> Reservation:
        """Return the reservation on a day that is open: its own, or one that began since."""
        day = asked.day + _DAY if CLOSED in item else asked.day
        return asked.model_copy(update={"day": self._days.open_day(asked.tenant, day)})

    def _refuse(
        self,
        asked: Reservation,
        refusal: LimitRefusal | None,
        item: LedgerItem,
        correlation_id: str | None,
    ) -> None:
        if refusal is not None:
            if correlation_id is not None:
                self._tell(asked.tenant, refusal, correlation_id)
            raise quota_error(refusal, self.utcnow())
        too_many = too_many_open_error(item)
        if too_many is not None:
            raise too_many

    def _tell(self, tenant: str, refusal: LimitRefusal, correlation_id: str) -> None:
        """Announce each limit and period once; if the bus fails, it is announced the next time."""
        announcement = (
            f"{refusal.period}#{refusal.resets_at.date()}#{refusal.scope}#{refusal.limit}"
        )
        keep_until = int((refusal.resets_at + _DAY).timestamp())
        if not self.records.mark_announced(tenant, announcement, keep_until):
            return
        event = exceeded_event(tenant, refusal, correlation_id, self.utcnow())
        try:
            self.bus.publish(event)
        except HeadraceError as error:
            self.on_error(error)
            self.records.unmark_announced(tenant, announcement)

    def _take_minute(self, asked: Reservation, limits: TenantLimits) -> None:
        if not asked.minute:
            return
        counted = self.records.apply(asked.tenant, minute_change(asked, limits))
        if counted.applied:
            return
        refusal = longest_refusal(minute_refusals(asked, limits, counted.item))
        if refusal is None:
            raise Transient("A minute was changed meanwhile.")
        raise throttling_error(refusal, self.utcnow())

    def _sweep(self, reservation: Reservation, item: LedgerItem) -> None:
        self._days.release_expired(reservation.tenant, day_item(reservation.day), item)

    @property
    def _days(self) -> BudgetDays:
        return BudgetDays(self.records, self.utcnow)

    @property
    def _settling(self) -> ReservationSettler:
        return ReservationSettler(self.records, self.utcnow, self.on_error)

"""Refusals: which limit was reached, how much of it is left, and when it resets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from chalicelib.budgets.changes import MAX_OPEN, reservation_scopes
from chalicelib.budgets.ledger import (
    COMMITTED,
    IN_MONTH,
    OPEN,
    REQUESTS,
    SPENT,
    TOKENS,
    LedgerItem,
    Measure,
    counter_value,
)
from chalicelib.budgets.limits import after_day, after_minute, after_month, seconds_until
from chalicelib.contracts.budgets import BudgetExceeded, DollarPeriod, Reservation
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import QuotaExceeded, Throttled, Unsupported

if TYPE_CHECKING:
    from chalicelib.budgets.limits import LimitScope, TenantLimits

OPEN_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class LimitRefusal:
    """A limit that has less left than was requested; dollars are counted in nano-dollars.

    `reserved` is the part of `committed` that belongs to calls that have not ended.
    """

    scope: LimitScope
    measure: Literal["dollars", "requests", "tokens"]
    period: Literal["day", "month", "minute"]
    limit: int
    committed: int
    requested: int
    resets_at: datetime
    reserved: int = 0

    @property
    def fits_without_reservations(self) -> bool:
        """Return whether the request would fit if nothing were reserved."""
        return self.committed - self.reserved + self.requested <= self.limit

    @property
    def left(self) -> int:
        """Return how much of the limit is left."""
        return max(0, self.limit - self.committed)

    @property
    def name(self) -> str:
        """Return the limit in words."""
        return f"{self.scope}: {_told(self.measure, self.limit)} a {self.period}"


def dollar_refusals(
    reservation: Reservation, limits: TenantLimits, day: LedgerItem
) -> Iterator[LimitRefusal]:
    """Yield the limits in dollars that `reservation` exceeds on the day as it is."""
    if not reservation.nanodollars:
        return
    at = reservation.day
    for scope in reservation_scopes(reservation):
        of = limits.for_scope(scope)
        reserved = counter_value(day, COMMITTED, scope) - counter_value(day, SPENT, scope)
        rows: tuple[tuple[DollarPeriod, Measure, int | None, datetime], ...] = (
            ("day", COMMITTED, of.nanodollars_a_day, after_day(at)),
            ("month", IN_MONTH, of.nanodollars_a_month, after_month(at)),
        )
        for period, measure, limit, opens_at in rows:
            committed, requested = counter_value(day, measure, scope), reservation.nanodollars
            if limit is not None and committed + requested > limit:
                yield LimitRefusal(
                    scope, "dollars", period, limit, committed, requested, opens_at, reserved
                )


def minute_refusals(
    reservation: Reservation, limits: TenantLimits, minute: LedgerItem
) -> Iterator[LimitRefusal]:
    """Yield the limits of the minute that `reservation` exceeds."""
    opens_at = after_minute(reservation.made_at)
    for scope in reservation_scopes(reservation):
        of = limits.for_scope(scope)
        counted, requested = counter_value(minute, REQUESTS, scope), reservation.requests
        if of.requests_a_minute is not None and counted + requested > of.requests_a_minute:
            limit = of.requests_a_minute
            yield LimitRefusal(scope, "requests", "minute", limit, counted, requested, opens_at)
        counted, requested = counter_value(minute, TOKENS, scope), reservation.tokens
        if (
            of.tokens_a_minute is not None
            and requested
            and counted + requested > of.tokens_a_minute
        ):
            yield LimitRefusal(
                scope, "tokens", "minute", of.tokens_a_minute, counted, requested, opens_at
            )


def longest_refusal(refusals: Iterator[LimitRefusal]) -> LimitRefusal | None:
    """Return the refusal that resets last, None if there is none."""
    return max(refusals, key=lambda each: each.resets_at, default=None)


def quota_error(refusal: LimitRefusal, now: datetime) -> QuotaExceeded:
    """Return the error of a limit in dollars."""
    error = QuotaExceeded(
        f"{_in_the_way(refusal)} {_wait(refusal, 'ask for fewer tokens, or raise the limit')}",
        limit=refusal.name,
        retry_after=seconds_until(refusal.resets_at, now),
    )
    error.of_model = refusal.scope.kind == "model"
    error.reserved = refusal.fits_without_reservations
    return error


def unpriced_error(
    model: str, limits: TenantLimits, held_by: tuple[LimitScope, ...]
) -> Unsupported | None:
    """Return the error for a model without a price, None if no dollars are limited."""
    for scope in held_by:
        if limits.for_scope(scope).has_dollar_limits:
            return Unsupported(
                f"{model} has no price, so that nothing holds it to the dollars of {scope}; name a "
                "model that has one.",
                field="model",
                limit=f"{scope}: dollars",
            )
    return None


def throttling_error(refusal: LimitRefusal, now: datetime) -> Throttled:
    """Return the error of a limit of a minute."""
    return Throttled(
        f"{_in_the_way(refusal)} {_wait(refusal, 'ask for less at once, or raise the limit')}",
        limit=refusal.name,
        retry_after=seconds_until(refusal.resets_at, now),
    )


def too_many_open_error(day: LedgerItem) -> Throttled | None:
    """Return the error for too many open reservations, None if there are not too many."""
    if counter_value(day, OPEN) < MAX_OPEN:
        return None
    return Throttled(
        f"The tenant has {MAX_OPEN} calls of models under way; wait until some have ended.",
        limit=f"tenant: {MAX_OPEN} calls at once",
        retry_after=OPEN_RETRY_SECONDS,
    )


def exceeded_event(
    tenant: str, refusal: LimitRefusal, correlation_id: str, now: datetime
) -> BudgetExceeded:
    """Return the event that announces a reached limit in dollars."""
    return BudgetExceeded(
        tenant=tenant,
        scope=refusal.scope.kind,
        name=refusal.scope.name,
        period="month" if refusal.period == "month" else "day",
        limit=dollars(refusal.limit),
        committed=dollars(refusal.committed),
        resets_at=refusal.resets_at,
        correlation_id=correlation_id,
        time=now,
    )


def _in_the_way(refusal: LimitRefusal) -> str:
    amounts: Mapping[str, str] = {
        name: _told(refusal.measure, amount)
        for name, amount in (("asked", refusal.requested), ("left", refusal.left))
    }
    verb = "could cost" if refusal.measure == "dollars" else "takes up to"
    return f"This {verb} {amounts['asked']}, and {amounts['left']} is left of {refusal.name}."


def _wait(refusal: LimitRefusal, otherwise: str) -> str:
    if refusal.requested > refusal.limit:
        return f"That is more than the limit ever gives: {otherwise}."
    opens = refusal.resets_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"It opens again at {opens}."


def _told(measure: str, amount: int) -> str:
    return f"${dollars(amount).normalize():f}" if measure == "dollars" else f"{amount} {measure}"

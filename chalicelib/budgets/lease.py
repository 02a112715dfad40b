"""A budget lease: one reservation for several calls, and the parts that calls take of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.budgets.limits import after_minute
from chalicelib.budgets.spender import ActualCost, MaxCost
from chalicelib.contracts.budgets import Charge

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation


@dataclass(slots=True)
class BudgetLease:
    """A reservation for several calls.

    Attributes:
        takes_until: until when calls take parts, in monotonic seconds.
        extendable_until: until when `takes_until` may be extended.
        nanodollars, tokens, calls: what is left of it.
        open_parts: reservations of calls that have not ended.
        unwritten_charges: how many of its charges are not written yet.
    """

    reservation: Reservation
    takes_until: float
    extendable_until: float
    nanodollars: int
    tokens: int
    calls: int
    parts_taken: int = 0
    requests_made: int = 0
    total_cost: ActualCost = field(default_factory=lambda: ActualCost(0))
    open_parts: set[str] = field(default_factory=set)
    unwritten_charges: int = 0

    @property
    def is_busy(self) -> bool:
        """Return whether calls are under way or charges unwritten."""
        return bool(self.open_parts) or self.unwritten_charges > 0

    def has_room(self, most: MaxCost, now: float) -> bool:
        """Return whether a call may take a part now."""
        return self._has_room(most) and now < self.takes_until

    def may_be_extended(self, most: MaxCost, now: float) -> bool:
        """Return whether a call may take a part although `takes_until` has passed."""
        return self._has_room(most) and now < self.extendable_until

    def take_part(self, most: MaxCost) -> Reservation:
        """Return a part of the reservation as a reservation of its own."""
        nanodollars = most.nanodollars or 0
        self.nanodollars -= nanodollars
        self.tokens -= most.tokens
        self.calls -= most.requests
        self.parts_taken += 1
        part = self.reservation.model_copy(
            update={
                "reservation_id": f"{self.reservation.reservation_id}-{self.parts_taken}",
                "nanodollars": nanodollars,
                "tokens": most.tokens,
                "requests": most.requests,
            }
        )
        self.open_parts.add(part.reservation_id)
        return part

    def record_cost(self, part: Reservation, used: ActualCost) -> Charge:
        """Count the actual cost of a part, and return it as a charge."""
        requests = part.requests if used.requests is None else used.requests
        self.requests_made += requests
        before = self.total_cost
        self.total_cost = ActualCost(
            before.nanodollars + used.nanodollars,
            before.tokens_in + used.tokens_in,
            before.tokens_out + used.tokens_out,
            before.images + used.images,
        )
        return Charge(
            reservation_id=self.reservation.reservation_id,
            nanodollars=used.nanodollars,
            tokens_in=used.tokens_in,
            tokens_out=used.tokens_out,
            images=used.images,
            requests=requests,
        )

    def return_part(self, part: Reservation) -> None:
        """Put back a part of which nothing was used."""
        self.nanodollars += part.nanodollars
        self.tokens += part.tokens
        self.calls += part.requests

    def _has_room(self, most: MaxCost) -> bool:
        enough = self.nanodollars >= (most.nanodollars or 0) and self.tokens >= most.tokens
        return enough and self.calls >= most.requests


def lease_seconds(made: Reservation, seconds: int) -> float:
    """Return for how many seconds calls may take parts of what was reserved for `seconds`.

    For half of them, so that the last call has the other half, and no longer than the minute that
    counts the reservation.
    """
    if not made.minute:
        return seconds / 2
    return min(seconds / 2, (after_minute(made.made_at) - made.made_at).total_seconds())


def multiply_cost(most: MaxCost, calls: int) -> MaxCost:
    """Return the maximum cost of `calls` equal calls."""
    cost = None if most.nanodollars is None else most.nanodollars * calls
    return MaxCost(cost, most.tokens * calls, most.requests * calls)

"""A slice of a budget: a reservation for several calls, and the parts of it that calls take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.budgets.limits import after_minute
from chalicelib.budgets.spending import ActualCost, MaxCost
from chalicelib.contracts.budgets import Charge

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation


@dataclass(slots=True)
class BudgetLease:
    """A reservation for several calls. `nanodollars`, `tokens` and `calls` are what nobody has
    taken of it; `taken` what calls that have not ended hold of it, by their own reservations; and
    `unwritten` how many of its charges nobody has written down yet.

    Calls are taken until `ends_at`; it may go on, but not after `until`. Both are in seconds.
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
        """Tell whether more is to come of calls that were taken."""
        return bool(self.open_parts) or self.unwritten_charges > 0

    def has_room(self, most: MaxCost, now: float) -> bool:
        """Tell whether a call may be taken."""
        return self._has_room(most) and now < self.takes_until

    def may_be_extended(self, most: MaxCost, now: float) -> bool:
        """Tell whether a call may be taken although its time has passed."""
        return self._has_room(most) and now < self.extendable_until

    def take_part(self, most: MaxCost) -> Reservation:
        """Return a part of the reservation as one of its own."""
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
        """Count what a part used, and return it as a charge."""
        made = part.requests if used.requests is None else used.requests
        self.requests_made += made
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
            requests=made,
        )

    def return_part(self, part: Reservation) -> None:
        """Give a part of which nothing was used to the next call."""
        self.nanodollars += part.nanodollars
        self.tokens += part.tokens
        self.calls += part.requests

    def _has_room(self, most: MaxCost) -> bool:
        enough = self.nanodollars >= (most.nanodollars or 0) and self.tokens >= most.tokens
        return enough and self.calls >= most.requests


def lease_seconds(made: Reservation, seconds: int) -> float:
    """Return for how many seconds calls may be taken from what was reserved for `seconds`: for half
    of them, so that the last call has the other half, and no longer than the minute that counts it.
    """
    if not made.minute:
        return seconds / 2
    return min(seconds / 2, (after_minute(made.made_at) - made.made_at).total_seconds())


def multiply_cost(most: MaxCost, calls: int) -> MaxCost:
    """Return the most that `calls` such calls can cost."""
    cost = None if most.nanodollars is None else most.nanodollars * calls
    return MaxCost(cost, most.tokens * calls, most.requests * calls)

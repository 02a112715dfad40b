"""A slice of a budget: a reservation for several calls, and the parts of it that calls take."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.budgets.periods import after_minute
from chalicelib.budgets.spending import Most, Used
from chalicelib.contracts.budgets import Charge

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation


@dataclass(slots=True)
class Slice:
    """A reservation for several calls. `nanodollars`, `tokens` and `calls` are what nobody has
    taken of it; `taken` what calls that have not ended hold of it, by their own reservations; and
    `unwritten` how many of its charges nobody has written down yet.

    Calls are taken until `ends_at`; it may go on, but not after `until`. Both are in seconds.
    """

    reservation: Reservation
    ends_at: float
    until: float
    nanodollars: int
    tokens: int
    calls: int
    number: int = 0
    made: int = 0
    used: Used = field(default_factory=lambda: Used(0))
    taken: set[str] = field(default_factory=set)
    unwritten: int = 0

    @property
    def is_busy(self) -> bool:
        """Tell whether more is to come of calls that were taken."""
        return bool(self.taken) or self.unwritten > 0

    def has(self, most: Most, now: float) -> bool:
        """Tell whether a call may be taken."""
        return self._has_room(most) and now < self.ends_at

    def may_go_on(self, most: Most, now: float) -> bool:
        """Tell whether a call may be taken although its time has passed."""
        return self._has_room(most) and now < self.until

    def take(self, most: Most) -> Reservation:
        """Return a part of the reservation as one of its own."""
        nanodollars = most.nanodollars or 0
        self.nanodollars -= nanodollars
        self.tokens -= most.tokens
        self.calls -= most.requests
        self.number += 1
        part = self.reservation.model_copy(
            update={
                "reservation_id": f"{self.reservation.reservation_id}-{self.number}",
                "nanodollars": nanodollars,
                "tokens": most.tokens,
                "requests": most.requests,
            }
        )
        self.taken.add(part.reservation_id)
        return part

    def count(self, part: Reservation, used: Used) -> Charge:
        """Count what a part used, and return it as a charge."""
        made = part.requests if used.requests is None else used.requests
        self.made += made
        before = self.used
        self.used = Used(
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

    def put_back(self, part: Reservation) -> None:
        """Give a part of which nothing was used to the next call."""
        self.nanodollars += part.nanodollars
        self.tokens += part.tokens
        self.calls += part.requests

    def _has_room(self, most: Most) -> bool:
        enough = self.nanodollars >= (most.nanodollars or 0) and self.tokens >= most.tokens
        return enough and self.calls >= most.requests


def lasts(made: Reservation, seconds: int) -> float:
    """Return for how many seconds calls may be taken from what was reserved for `seconds`: for half
    of them, so that the last call has the other half, and no longer than the minute that counts it.
    """
    if not made.minute:
        return seconds / 2
    return min(seconds / 2, (after_minute(made.made_at) - made.made_at).total_seconds())


def times(most: Most, calls: int) -> Most:
    """Return the most that `calls` such calls can cost."""
    cost = None if most.nanodollars is None else most.nanodollars * calls
    return Most(cost, most.tokens * calls, most.requests * calls)

"""What spends a tenant's money needs of its budgets: take the most that it can cost first, then
say what it did cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Charge, Reservation

CALL_SECONDS = 900
"""How long a call is waited for at most: as long as a Lambda function may run."""


@dataclass(slots=True)
class Bill:
    """What one piece of work was charged, for whoever writes that down beside its receipt.

    What a charge was taken off is settled only after it was written: a process that is killed
    before leaves it open, and one that is killed after has written all that it settles. Not for
    more than one thread.
    """

    charges: list[Charge] = field(default_factory=list)
    _then: list[Callable[[], None]] = field(default_factory=list)

    def charge(self, charge: Charge, then: Callable[[], None]) -> None:
        """Take a charge; `then` is called once it is written."""
        self.charges.append(charge)
        self._then.append(then)

    def written(self) -> None:
        """Tell that all charges so far are written, where they are not lost."""
        told, self._then = self._then, []
        for then in told:
            then()


@dataclass(frozen=True, slots=True)
class Spender:
    """Who spends: a tenant, by one of its keys (by the id in access logs, "" for none), for one
    of its collections, where the request is about one. `bill` is told of each charge.
    """

    tenant: str
    key: str = ""
    collection: str = ""
    correlation_id: str = ""
    bill: Bill | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Most:
    """The most that `requests` calls of a model can cost: nano-dollars, and tokens in and out.

    `nanodollars` is None where the model has no price.
    """

    nanodollars: int | None
    tokens: int
    requests: int = 1


@dataclass(frozen=True, slots=True)
class Used:
    """What they did cost; `requests` where not as many were made as were reserved for."""

    nanodollars: int
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    requests: int | None = None


class Budgets(Protocol):
    """The budgets of all tenants."""

    def reserve(
        self, spender: Spender, model: str, most: Most, seconds: int = CALL_SECONDS
    ) -> Reservation:
        """Take `most` off every limit that holds for the spender and the model, or off none.

        What is not settled or released within `seconds` is given back by whoever comes next.

        Raises:
            QuotaExceeded: it could cost more than is left of a budget in dollars.
            Throttled: it is more than a minute still has of requests or tokens.
            Unsupported: it has no price, and dollars are limited.
            NotFound: there is no such tenant, or it is being removed.
            Transient: the records could not be written.
        """

    def settle(self, reservation: Reservation, used: Used) -> None:
        """Count what was used, be it less or more than was reserved; may be repeated."""

    def release(self, reservation: Reservation) -> None:
        """Give all of a reservation back: nothing was used; may be repeated."""

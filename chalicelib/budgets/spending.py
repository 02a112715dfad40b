"""Who spends, the most that a call can cost, and what it did cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Charge


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

    def add(self, charge: Charge, on_written: Callable[[], None]) -> None:
        """Take a charge; `on_written` is called once it is written."""
        self.charges.append(charge)
        self._then.append(on_written)

    def confirm_written(self) -> None:
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
class MaxCost:
    """The most that `requests` calls of a model can cost: nano-dollars, and tokens in and out.

    `nanodollars` is None where the model has no price.
    """

    nanodollars: int | None
    tokens: int
    requests: int = 1


@dataclass(frozen=True, slots=True)
class ActualCost:
    """What they did cost; `requests` where not as many were made as were reserved for."""

    nanodollars: int
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    requests: int | None = None

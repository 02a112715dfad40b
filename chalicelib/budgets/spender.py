"""The spender of a call, the maximum cost of a call, and its actual cost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Charge


CALL_SECONDS = 900
"""The longest time of a call: as long as a Lambda function may run."""


@dataclass(slots=True)
class Bill:
    """The charges of one piece of work, to be written beside its receipt.

    A reservation is settled only after its charge was written: a process that is killed before
    leaves it open, and one that is killed after has written all that it settles. Not safe for
    several threads.
    """

    charges: list[Charge] = field(default_factory=list)
    _on_written: list[Callable[[], None]] = field(default_factory=list)

    def add(self, charge: Charge, on_written: Callable[[], None]) -> None:
        """Add a charge; `on_written` is called once it is written."""
        self.charges.append(charge)
        self._on_written.append(on_written)

    def confirm_written(self) -> None:
        """Call back for all charges so far, which are now written durably."""
        callbacks, self._on_written = self._on_written, []
        for callback in callbacks:
            callback()


@dataclass(frozen=True, slots=True)
class Spender:
    """The tenant that pays, with the key that was used and the collection that it is for.

    `key` is the id of access logs, "" for none; `collection` is "" where a request is about none.
    `end_user` is whom the tenant serves by the call, in the tenant's own words, "" if it does not
    say. `bill` collects the charges.
    """

    tenant: str
    key: str = ""
    collection: str = ""
    correlation_id: str = ""
    bill: Bill | None = field(default=None, compare=False)
    end_user: str = ""

    @property
    def caller(self) -> str:
        """The end user if the request names one, else the API key, as rollouts tell them apart."""
        return f"user {self.end_user}" if self.end_user else f"key {self.key}"

    @property
    def caller_hash(self) -> str:
        """A hash of tenant and caller, for what must not know who that is."""
        return hashlib.sha256(f"{self.tenant}\n{self.caller}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class MaxCost:
    """The maximum cost of `requests` calls of a model: nano-dollars, and tokens in and out.

    `nanodollars` is None where the model has no price.
    """

    nanodollars: int | None
    tokens: int
    requests: int = 1


@dataclass(frozen=True, slots=True)
class ActualCost:
    """The actual cost of calls; `requests` if fewer were made than were reserved."""

    nanodollars: int
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    requests: int | None = None

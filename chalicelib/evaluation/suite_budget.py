"""The budget of one evaluation, which holds beside the limits of its tenant.

The children of a Map spend it at the same time, so it is one counter, from which every call
reserves the most that it can cost before it is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from chalicelib.budgets.ledger import LedgerChange
from chalicelib.budgets.spender import CALL_SECONDS
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import QuotaExceeded, Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.budgets.ledger import ChangeResult
    from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
    from chalicelib.contracts.budgets import Reservation
    from chalicelib.generation.dependencies import Budgets

KEPT_DAYS = 90
_COUNTER = "nanodollars"


class EvaluationLedger(Protocol):
    """Counters of tenants, changed on conditions."""

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        """Make a change, or none of it where a condition of it does not hold."""


@dataclass(frozen=True, slots=True)
class SuiteBudget:
    """Budgets of the stage, and under them `limit` nano-dollars for one evaluation."""

    inner: Budgets
    ledger: EvaluationLedger
    evaluation_id: str
    limit: int
    now: Callable[[], datetime]

    def reserve(
        self, spender: Spender, model: str, most: MaxCost, seconds: int = CALL_SECONDS
    ) -> Reservation:
        """Reserve `most` of the evaluation's budget and of the tenant's.

        Raises:
            QuotaExceeded: it could cost more than is left of either.
            Unsupported: the model has no price.
        """
        if most.nanodollars is None:
            raise Unsupported(
                f"{model} has no price, and the evaluation has a budget in dollars; leave the "
                "budget or the model out.",
                field="budget",
            )
        limit = {_COUNTER: self.limit - most.nanodollars}
        if not self._change(spender.tenant, most.nanodollars, limit):
            raise QuotaExceeded(
                f"The evaluation's budget of ${dollars(self.limit).normalize():f} has no room for "
                f"a call that could cost ${dollars(most.nanodollars).normalize():f}; what was paid "
                "for is kept. Run the suite again with a larger one.",
                field="budget",
                limit=f"{dollars(self.limit).normalize():f}",
            )
        try:
            return self.inner.reserve(spender, model, most, seconds)
        except BaseException:
            self._change(spender.tenant, -most.nanodollars, {})
            raise

    def settle(self, reservation: Reservation, used: ActualCost) -> None:
        """Charge `used` in both, also where it is more than was reserved: it was spent."""
        self.inner.settle(reservation, used)
        self._change(reservation.tenant, used.nanodollars - reservation.nanodollars, {})

    def release(self, reservation: Reservation) -> None:
        """Give a whole reservation back to both."""
        self.inner.release(reservation)
        self._change(reservation.tenant, -reservation.nanodollars, {})

    def _change(self, tenant: str, amount: int, max_before: Mapping[str, int]) -> bool:
        """Add to the counter; return False if it is above `max_before`."""
        until = self.now() + timedelta(days=KEPT_DAYS)
        change = LedgerChange(
            f"EVALUATION#{self.evaluation_id}",
            add={_COUNTER: amount},
            max_before=max_before,
            keep_until=int(until.timestamp()),
        )
        return self.ledger.apply(tenant, change).applied

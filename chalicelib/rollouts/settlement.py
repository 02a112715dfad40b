"""What the end of a rollout's execution means for the rollout.

An execution that failed, timed out or was stopped watches nothing any more, so that its candidate
must not go on serving: the rollout is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.rollouts import OPEN_ROLLOUT, RolloutStop
from chalicelib.errors import Transient
from chalicelib.rollouts.advance import roll_back, tell
from chalicelib.rollouts.endpoint_weights import is_settled

if TYPE_CHECKING:
    from chalicelib.contracts.events import EventBus
    from chalicelib.contracts.jobs import JobInput
    from chalicelib.contracts.rollouts import Stopper
    from chalicelib.rollouts.records import RolloutRecords, StopWriter
    from chalicelib.rollouts.rollout_weights import RolloutWeights

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class RolloutSettler:
    """Ends rollouts whose executions have ended without ending them."""

    records: RolloutRecords
    stops: StopWriter
    bus: EventBus
    now: Callable[[], datetime]
    weights: RolloutWeights | None = None
    """Moves weights of endpoints after the execution that would have; None leaves it to that."""

    def rollout_ended(self, given: JobInput) -> None:
        """Roll back the rollout of an execution that ended, unless it has ended itself.

        Raises:
            Transient: others kept changing the rollout, or the weights of its endpoint cannot be
                moved yet.
        """
        if given.kind != "rollout":
            return
        reason = "Its execution ended before the rollout did."
        self.end(given.tenant, given.job_id, "failure", reason)
        state = self.records.state(given.tenant, given.job_id)
        if self.weights is None or state is None:
            return
        settled = self.weights.settle(state).rollout
        if settled.weights is not None and not is_settled(settled):
            raise Transient(f"{settled.rollout_id}: {settled.weights.reason}")

    def end(self, tenant: str, rollout_id: str, by: Stopper, reason: str) -> str:
        """Roll back an open rollout that no execution looks after; may be repeated.

        One that has ended stays as it is; it is told of, if it has yet to be.

        Returns:
            the token by which its execution waits, "" if it waits for none.

        Raises:
            Transient: others kept changing the rollout.
        """
        for attempt in range(_ATTEMPTS):
            state = self.records.state(tenant, rollout_id)
            if state is None:
                return ""
            if state.rollout.status not in OPEN_ROLLOUT:
                tell(self.records, self.bus, state)
                return ""
            self.stops.put(
                RolloutStop(
                    tenant=tenant, rollout_id=rollout_id, by=by, reason=reason, at=self.now()
                )
            )
            stop = self.records.stop(tenant, rollout_id)
            try:
                roll_back(
                    self.records, self.bus, state, stop.reason if stop else reason, self.now()
                )
            except Transient:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            return state.task_token
        return ""

"""Rollouts as they are stored.

Three records make a rollout. Its state changes as a whole, on condition of its revision. The live
pointer of its subject says who answers calls; state, pointer and what a rollout is promoted to
change in one transaction. A stop takes traffic away from the candidate by being there, and nothing
takes a stop back: so a role that may write stops and nothing else can roll back, and never promote.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.rollouts import (
    LiveChoice,
    LivePointer,
    RolloutStop,
    RolloutView,
    ShadowObservation,
    Subject,
)
from chalicelib.prompts.records import LabelMove

ROLLOUT_DAYS = 400
"""Days for which a rollout is shown after its end."""
OBSERVATION_DAYS = 30
"""Days for which shadow answers are kept."""

PromotedVersion = LiveChoice | LabelMove
"""The write that promotes a candidate: a model or retrieval setting chosen, or a label moved."""


class RolloutState(Contract):
    """Everything about a rollout.

    Attributes:
        rollout: What the API shows.
        key: The id of the API key that asked for it, whose budget shadow answers spend.
        users: How many calls of each end user the stage has counted, as `UserCounts` writes it.
        cursor: The id of the last captured call that was counted, "" before the first.
        tick: How many ticks were recorded.
        task_token: What the waiting execution goes on by once a person has decided, or "".
        decided: The stages of which a person has said that they may end.
        untold: The type of the event that this state is to be told by, "" once it has been.
        revision: Counts the changes.
    """

    tenant: str
    rollout: RolloutView
    key: str = ""
    cursor: str = ""
    users: str = ""
    tick: int = Field(default=0, ge=0)
    task_token: str = ""
    decided: tuple[int, ...] = ()
    untold: str = ""
    revision: int = Field(default=1, ge=1)


class RolloutRecords(Protocol):
    """The rollouts of all tenants, the live pointers of their subjects, and the stops."""

    def state(self, tenant: str, rollout_id: str) -> RolloutState | None:
        """Return a rollout, or None."""

    def states(self, tenant: str, after: str) -> Iterator[RolloutState]:
        """Yield the tenant's rollouts, newest first, those before the id `after` ("" for all)."""

    def create(self, state: RolloutState, pointer: LivePointer) -> None:
        """Store a new rollout and the live pointer of its subject; all or nothing.

        Raises:
            Conflict: another rollout of the subject runs, or the tenant is being removed.
        """

    def change(
        self,
        after: RolloutState,
        pointer: LivePointer | None,
        promoted: PromotedVersion | None = None,
    ) -> bool:
        """Store the state that follows revision `after.revision - 1`, and the pointer it wants.

        Args:
            after: The state, whose revision is one higher than that which was read.
            pointer: What the subject's pointer is from now on; None removes it.
            promoted: What makes the candidate the live version, if it is promoted.

        Returns:
            False, with nothing written, if the rollout changed since it was read; and of a
            promotion, if the rollout has been stopped, or its prompt changed.
        """

    def mark_told(self, state: RolloutState) -> None:
        """Note that the event of a state was published, unless the rollout has changed since."""

    def annotate(self, after: RolloutState) -> bool:
        """Store the state that follows revision `after.revision - 1`, and leave all pointers.

        Returns:
            False, with nothing written, if the rollout changed since it was read.
        """

    def pointer(self, tenant: str, subject: Subject) -> LivePointer | None:
        """Return the live pointer of a subject, or None while no rollout of it runs."""

    def choice(self, tenant: str, subject: Subject) -> LiveChoice | None:
        """Return what a model or a retrieval was promoted to, or None."""

    def stop(self, tenant: str, rollout_id: str) -> RolloutStop | None:
        """Return the stop of a rollout, or None."""

    def observation(self, tenant: str, rollout_id: str, call_id: str) -> ShadowObservation | None:
        """Return how the candidate answered a captured call in the background, or None."""

    def put_observation(self, tenant: str, rollout_id: str, observation: ShadowObservation) -> None:
        """Store how the candidate answered a captured call; the first answer stays."""


class StopWriter(Protocol):
    """Takes the traffic from candidates, which is all that it takes to roll back."""

    def put(self, stop: RolloutStop) -> None:
        """Take the traffic from a candidate; the first stop of a rollout stays."""

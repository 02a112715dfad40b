"""The steps of a rollout's machine, and the events by which subscribers hear of them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.rollouts import Stopper, Subject


class StopRolloutRequest(Contract):
    """The input of `stop_rollout`: whose traffic is taken away, by whom and why.

    `job_id` is the rollout's id.
    """

    tenant: str
    job_id: str
    correlation_id: str
    by: Stopper
    reason: str


class StopRolloutResult(Contract):
    """The output of `stop_rollout`: the rollout whose candidate gets no traffic now."""

    rollout_id: str


class ReplayCallsResult(Contract):
    """The output of `replay_calls`: how many requests the candidate answered, and why not all."""

    answered: int = Field(ge=0)
    stopped: str = ""


class RolloutCheckpoint(Contract):
    """The checkpoint of a rollout's job: how far it was seen; the rollout's own record counts."""

    stage: int = Field(default=0, ge=0)
    tick: int = Field(default=0, ge=0)


class RolloutEvent(BusEvent):
    """Fields of every event about a rollout. `time` is RFC 3339 in UTC."""

    tenant: str
    rollout_id: str
    subject: Subject
    live: str
    to: str
    stage: int = Field(ge=0)
    reason: str
    time: AwareDatetime


class RolloutAdvanced(RolloutEvent):
    """The next stage has begun."""

    detail_type: ClassVar[str] = "rollout.advanced"


class RolloutWaiting(RolloutEvent):
    """A person is asked whether the stage may end."""

    detail_type: ClassVar[str] = "rollout.waiting"


class RolloutPromoted(RolloutEvent):
    """The candidate is live for everybody, and the rollout has ended."""

    detail_type: ClassVar[str] = "rollout.promoted"


class RolledBack(RolloutEvent):
    """The candidate gets no traffic any more, and the rollout has ended."""

    detail_type: ClassVar[str] = "rollout.rolled_back"

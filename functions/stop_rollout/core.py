"""Writes the stop of a rollout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.rollout_steps import StopRolloutRequest, StopRolloutResult
from chalicelib.contracts.rollouts import RolloutStop

if TYPE_CHECKING:
    from chalicelib.rollouts.records import StopWriter


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    stops: StopWriter
    now: Callable[[], datetime]


def run(request: StopRolloutRequest, deps: Deps) -> StopRolloutResult:
    """Stop the rollout; may be repeated.

    Raises:
        Transient, Throttled: the table did not answer; the step may be repeated.
    """
    deps.stops.put(
        RolloutStop(
            tenant=request.tenant,
            rollout_id=request.job_id,
            by=request.by,
            reason=request.reason,
            at=deps.now(),
        )
    )
    return StopRolloutResult(rollout_id=request.job_id)

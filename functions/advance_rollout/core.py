"""A step of a rollout's job: one look at it, or the token by which it waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.jobs import JobCounts, StepRequest, StepResult
from chalicelib.contracts.rollout_steps import RolloutCheckpoint
from chalicelib.contracts.rollouts import OPEN_ROLLOUT, RolloutStop
from chalicelib.errors import Conflict, MoreSteps, NotFound, Transient
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from chalicelib.rollouts.state_writes import write_state
from chalicelib.rollouts.transitions import wait_for_approval

if TYPE_CHECKING:
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.rollouts.advance import NextLook, RolloutAdvance
    from chalicelib.rollouts.records import RolloutState, StopWriter


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    desk: StepContext
    advance: RolloutAdvance
    stops: StopWriter


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Look at the rollout, or keep the token of the execution that waits.

    Raises:
        MoreSteps: a person has decided already; there is nothing to wait for.
        NotFound: there is no such rollout.
        Transient, Throttled: a service did not answer; the step may be repeated.
    """
    step = _Step(deps, request)
    if request.task_token:
        return step.wait()
    return run_step(request, deps.desk.started(), step.work, step.clean)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    request: StepRequest

    def work(self, state: JobState) -> StepOutcome:
        """Look once."""
        return _outcome(self.deps.advance.look(self._state()))

    def clean(self, state: JobState) -> int | None:
        """Roll back a rollout whose job was cancelled.

        Returns:
            after how many seconds the weights of an endpoint are looked at again, or None.
        """
        kept, advance = self._state(), self.deps.advance
        reason = "Its job was cancelled."
        self.deps.stops.put(
            RolloutStop(
                tenant=kept.tenant,
                rollout_id=kept.rollout.rollout_id,
                by="person",
                reason=reason,
                at=advance.now(),
            )
        )
        look = advance.look(kept)
        if look.state.rollout.status in OPEN_ROLLOUT:
            raise Conflict(f"The rollout {kept.rollout.rollout_id} did not end.")
        return None if look.action == "ended" else look.seconds

    def wait(self) -> StepResult:
        """Keep the token; whoever decides or stops sends it back."""
        state, records = self._state(), self.deps.advance.records
        stop = records.stop(state.tenant, state.rollout.rollout_id)
        if not _waits(state) or stop:
            raise MoreSteps("There is nothing to wait for.")
        try:
            write_state(records, state, wait_for_approval(state, self.request.task_token))
        except Transient as error:
            raise MoreSteps("The rollout was changed meanwhile.") from error
        return StepResult(next="approve")

    def _state(self) -> RolloutState:
        tenant, rollout_id = self.request.tenant, self.request.job_id
        state = self.deps.advance.records.state(tenant, rollout_id)
        if state is None:
            raise NotFound(f"There is no rollout {rollout_id}.", field="rollout_id")
        return state


def _waits(state: RolloutState) -> bool:
    rollout = state.rollout
    if rollout.status == "running":
        return rollout.weights is not None
    return rollout.status == "waiting" and rollout.stage not in state.decided


def _outcome(look: NextLook) -> StepOutcome:
    rollout = look.state.rollout
    place = RolloutCheckpoint(stage=rollout.stage, tick=look.state.tick)
    if look.action == "ended":
        return StepOutcome(place, JobCounts(), rollout.status, end="succeeded")
    return StepOutcome(
        place,
        JobCounts(),
        f"stage {rollout.stage + 1}",
        next=look.action,
        seconds=look.seconds,
        reason=look.reason,
        stopper=look.stopper or "",
    )

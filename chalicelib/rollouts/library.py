"""The rollouts of a tenant: begun, shown, approved, rejected and aborted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.rollouts import OPEN_ROLLOUT, RolloutView
from chalicelib.errors import Conflict, NotFound, Transient
from chalicelib.rollouts.plans import plan_guards, plan_stages
from chalicelib.rollouts.records import RolloutState
from chalicelib.rollouts.state_writes import write_state
from chalicelib.rollouts.subjects import check_subject, is_promoted
from chalicelib.rollouts.transitions import approve_stage, pointer_of

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import CreateRolloutRequest, Subject, SubjectKind
    from chalicelib.jobs.launcher import JobLauncher
    from chalicelib.rollouts.records import RolloutRecords
    from chalicelib.rollouts.settlement import RolloutSettler
    from chalicelib.rollouts.subjects import SubjectVersions

_ATTEMPTS = 5
"""How often a change is retried while others change the same rollout."""


class WaitingTasks(Protocol):
    """Tasks of executions that wait for a token."""

    def succeed(self, token: str) -> None:
        """Have the execution go on; a task that has ended is no error."""


@dataclass(frozen=True, slots=True)
class RolloutLibrary:
    """Rollouts of all tenants.

    `is_monitored` tells whether a monitor of a tenant samples the calls of a subject.
    """

    records: RolloutRecords
    subjects: Mapping[SubjectKind, SubjectVersions]
    is_monitored: Callable[[str, Subject], bool]
    launcher: JobLauncher
    settler: RolloutSettler
    tasks: WaitingTasks
    now: Callable[[], datetime]

    def plan(self, tenant: str, rollout_id: str, request: CreateRolloutRequest) -> RolloutView:
        """Return the rollout that a request asks for; nothing is written.

        Raises:
            InvalidInput, NotFound, Conflict: it cannot be; the error names field and fix.
        """
        subject = request.subject
        stages = plan_stages(request, is_monitored=self.is_monitored(tenant, subject))
        guards = plan_guards(request, stages)
        live = check_subject(self.subjects, tenant, subject, request.to, request.live)
        other = self.records.pointer(tenant, subject)
        if other is not None:
            raise Conflict(
                f"Rollout {other.rollout_id} of {subject.name} runs; wait for its end, or abort "
                "it.",
                field="subject",
            )
        now = self.now()
        return RolloutView(
            rollout_id=rollout_id,
            status="preparing",
            subject=subject,
            live=live,
            to=request.to,
            stages=stages,
            guards=guards,
            stage=0,
            smoke=request.smoke,
            window_seconds=request.window_seconds,
            shadow_budget=request.shadow_budget,
            description=request.description,
            created_at=now,
            updated_at=now,
        )

    def begin(self, rollout: RolloutView, job: JobInput, key: str) -> None:
        """Store a planned rollout and begin the job of its id; may be repeated.

        Raises:
            Conflict: another rollout of the subject was quicker, or the tenant is being removed.
        """
        if self.records.state(job.tenant, rollout.rollout_id) is None:
            state = RolloutState(tenant=job.tenant, rollout=rollout, key=key)
            pointer = pointer_of(state)
            if pointer is not None:
                self.records.create(state, pointer)
        self.launcher.launch(job.model_copy(update={"job_id": rollout.rollout_id}))

    def show(self, tenant: str, rollout_id: str) -> RolloutView:
        """Return a rollout; raise `NotFound`."""
        return self._shown(self._state(tenant, rollout_id))

    def list(self, tenant: str, after: str) -> Iterator[RolloutView]:
        """Yield the tenant's rollouts, newest first, those before the id `after` ("" for all)."""
        for state in self.records.states(tenant, after):
            yield self._shown(state)

    def approve(self, tenant: str, rollout_id: str, key: str, reason: str) -> RolloutView:
        """Let the present stage end, although something is not known.

        Raises:
            NotFound: there is no such rollout.
            Conflict: it does not wait for a decision.
        """
        for _ in range(_ATTEMPTS):
            state = self._waiting(tenant, rollout_id)
            after = approve_stage(state, key, reason, self.now())
            try:
                written = write_state(self.records, state, after)
            except Transient:
                continue
            if state.task_token:
                self.tasks.succeed(state.task_token)
            return written.rollout
        raise Transient(f"The rollout {rollout_id} keeps changing; try again.")

    def reject(self, tenant: str, rollout_id: str, key: str, reason: str) -> RolloutView:
        """Roll back a rollout that waits for a decision.

        Raises:
            NotFound: there is no such rollout.
            Conflict: it does not wait for a decision, or its candidate is live already.
        """
        return self._stop(self._waiting(tenant, rollout_id), f"Rejected by {key}: {reason}")

    def abort(self, tenant: str, rollout_id: str, key: str, reason: str) -> RolloutView:
        """Roll back a rollout, whatever it is at.

        Raises:
            NotFound: there is no such rollout.
            Conflict: it has ended, or its candidate is live already.
        """
        state = self._state(tenant, rollout_id)
        if state.rollout.status not in OPEN_ROLLOUT:
            raise Conflict(
                f"The rollout has ended as {state.rollout.status}; roll out the version that you "
                "want back.",
                field="rollout_id",
            )
        return self._stop(state, f"Aborted by {key}: {reason}")

    def _stop(self, state: RolloutState, reason: str) -> RolloutView:
        """Stop a rollout and end it at once, so that the next one of its subject can begin.

        Its execution finds that it has ended at its next look, which may be an hour away. One that
        waits for a token, as it does where weights of an endpoint have to follow, looks at once.
        """
        tenant, rollout_id = state.tenant, state.rollout.rollout_id
        if is_promoted(self.subjects, state):
            raise _is_live(state.rollout.to)
        token = state.task_token
        with suppress(Transient):  # the stop is written: the next look ends the rollout
            ended = self.settler.end(tenant, rollout_id, "person", reason.removesuffix(": "))
            token = ended or token
        if token:
            self.tasks.succeed(token)
        shown = self.show(tenant, rollout_id)
        if shown.status == "promoted":  # the last look was quicker
            raise _is_live(shown.to)
        return shown

    def _waiting(self, tenant: str, rollout_id: str) -> RolloutState:
        state = self._state(tenant, rollout_id)
        if state.rollout.status != "waiting" or state.rollout.stage in state.decided:
            raise Conflict(
                f"The rollout does not wait for a decision; it is {state.rollout.status}.",
                field="rollout_id",
            )
        return state

    def _state(self, tenant: str, rollout_id: str) -> RolloutState:
        state = self.records.state(tenant, rollout_id)
        if state is None:
            raise NotFound(f"There is no rollout {rollout_id}.", field="rollout_id")
        return state

    def _shown(self, state: RolloutState) -> RolloutView:
        """Return a rollout, as rolled back from the moment that its candidate has no traffic."""
        rollout = state.rollout
        if rollout.status not in OPEN_ROLLOUT:
            return rollout
        stop = self.records.stop(state.tenant, rollout.rollout_id)
        if stop is None:
            return rollout
        return rollout.model_copy(update={"status": "rolled_back", "reason": stop.reason})


def _is_live(version: str) -> Conflict:
    return Conflict(
        f"Version {version} is live already; roll out the version that you want back.",
        field="rollout_id",
    )

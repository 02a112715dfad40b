"""Which requests the candidate of a rollout is to answer now, and that it answers them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.captures import CaptureSubject
from chalicelib.contracts.jobs import StepRequest
from chalicelib.contracts.rollout_steps import ReplayCallsResult
from chalicelib.contracts.rollouts import OPEN_ROLLOUT
from chalicelib.errors import NotFound
from chalicelib.rollouts.calls import is_replayable, smoke_id
from chalicelib.rollouts.shadow import ReplayRequest

if TYPE_CHECKING:
    from chalicelib.rollouts.calls import CapturedCallReader
    from chalicelib.rollouts.records import RolloutState
    from chalicelib.rollouts.shadow import ReplayResult

MAX_CALLS = 200
"""Calls that one replay looks at; those behind them have to wait for the next."""
SECONDS = 240.0
"""For how long requests are taken up; the last call of a model has to end before the function."""


class RolloutStates(Protocol):
    """Looks up rollouts."""

    def state(self, tenant: str, rollout_id: str) -> RolloutState | None:
        """Return a rollout, or None."""


class RequestReplay(Protocol):
    """Has one candidate answer requests."""

    def replay(
        self, tenant: str, rollout_id: str, requests: Iterator[ReplayRequest]
    ) -> ReplayResult:
        """Answer requests that have no stored answer, in order."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `replay` builds what answers until a time of `clock`."""

    rollouts: RolloutStates
    captured: CapturedCallReader
    replay: Callable[[RolloutState, float], RequestReplay]
    now: Callable[[], datetime]
    clock: Callable[[], float]


def run(request: StepRequest, deps: Deps) -> ReplayCallsResult:
    """Have the candidate answer what it has yet to answer.

    Raises:
        NotFound: there is no such rollout.
        Transient, Throttled: a service did not answer; the step may be repeated.
    """
    state = deps.rollouts.state(request.tenant, request.job_id)
    if state is None:
        raise NotFound(f"There is no rollout {request.job_id}.", field="rollout_id")
    if state.rollout.status not in OPEN_ROLLOUT:  # stopped while its execution was under way
        return ReplayCallsResult(answered=0)
    replay = deps.replay(state, deps.clock() + SECONDS)
    requests = _smoke(state) if state.rollout.status == "preparing" else _calls(state, deps)
    result = replay.replay(state.tenant, state.rollout.rollout_id, requests)
    return ReplayCallsResult(answered=result.answered, stopped=result.stopped)


def _smoke(state: RolloutState) -> Iterator[ReplayRequest]:
    for n, smoke in enumerate(state.rollout.smoke):
        yield ReplayRequest(smoke_id(n), smoke.input, expect=smoke.expect)


def _calls(state: RolloutState, deps: Deps) -> Iterator[ReplayRequest]:
    """Yield the captured calls behind the rollout's cursor that the candidate can answer."""
    rollout = state.rollout
    report = rollout.reports[-1]
    if not report.shadow:
        return
    found = deps.captured.calls(
        state.tenant,
        CaptureSubject(kind=rollout.subject.kind, name=rollout.subject.name),
        now=deps.now(),
        after=state.cursor,
        since=rollout.created_at,
        limit=MAX_CALLS,
    )
    for call in found:
        is_own = call.rollout_id == rollout.rollout_id and call.created_at >= report.began_at
        if is_own and is_replayable(call):
            yield ReplayRequest.of(call)

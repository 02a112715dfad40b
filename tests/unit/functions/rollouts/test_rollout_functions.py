"""The functions of a rollout: looks, tokens of waiting executions, stops and replays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.jobs import JobInput, StepRequest
from chalicelib.contracts.rollout_steps import StopRolloutRequest
from chalicelib.contracts.rollouts import Arm, ArmCounts, SmokeRequest
from chalicelib.errors import MoreSteps, NotFound
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.steps import StepContext
from chalicelib.rollouts.calls import CapturedRolloutCalls
from chalicelib.rollouts.library import RolloutLibrary
from chalicelib.rollouts.settlement import RolloutSettler
from chalicelib.rollouts.shadow import ReplayRequest, ReplayResult
from functions.advance_rollout import core as advance
from functions.replay_calls import core as replay
from functions.stop_rollout import core as stop
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.rollouts.examples import ID, NOW, TENANT
from tests.unit.rollouts.fakes import FakeSubject
from tests.unit.rollouts.test_advance import STAGES, World
from tests.unit.rollouts.test_endpoint_weights import OWN, variants

REQUEST = StepRequest(tenant=TENANT, job_id=ID, kind="rollout", bucket="b", correlation_id="c")
ASKING = (STAGES[1].model_copy(update={"approval": True}), STAGES[2])


class NoRatings:
    def counts(self, tenant: str, rollout_id: str, since: datetime) -> dict[Arm, ArmCounts]:
        raise AssertionError("no guard asks for them")


@dataclass
class Sent:
    """The tokens that were sent back."""

    tokens: list[str] = field(default_factory=list)

    def succeed(self, token: str) -> None:
        self.tokens.append(token)


@dataclass
class Stage:
    """A rollout with its job."""

    world: World = field(default_factory=World)
    jobs: FakeJobs = field(default_factory=FakeJobs)

    def begin(self, **changes: object) -> None:
        self.world.begin(**changes)
        given = JobInput.model_validate(REQUEST.model_dump(include=set(JobInput.model_fields)))
        JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.world.now).launch(given)

    @property
    def deps(self) -> advance.Deps:
        desk = StepContext(self.jobs, lambda: self.world.now, lambda: 0.0, 1.0)
        return advance.Deps(desk, self.world.advance, self.world.records)


def test_should_look_record_and_end_with_its_job() -> None:
    stage = Stage()
    stage.begin(stages=ASKING)
    result = advance.run(REQUEST, stage.deps)
    assert (result.next, result.seconds) == ("wait", 60)
    stage.world.serve(400, candidate_errors=3)
    result = advance.run(REQUEST, stage.deps)
    assert (result.next, result.stopper) == ("stop", "guard")
    stop_deps = stop.Deps(stage.world.records, lambda: NOW)
    request = StopRolloutRequest(
        tenant=TENANT, job_id=ID, correlation_id="c", by="guard", reason=result.reason
    )
    for _ in range(2):
        assert stop.run(request, stop_deps).rollout_id == ID
    result = advance.run(REQUEST, stage.deps)
    assert (result.next, result.status) == ("ended", "succeeded")
    assert stage.world.status == "rolled_back"
    assert advance.run(REQUEST, stage.deps).next == "ended", "a step that comes twice"
    assert stage.world.bus.types.count("rollout.rolled_back") == 1


def test_should_keep_the_token_of_an_execution_that_waits() -> None:
    stage = Stage()
    stage.begin(stages=ASKING)
    advance.run(REQUEST, stage.deps)
    waiting = REQUEST.model_copy(update={"task_token": "token"})
    with pytest.raises(MoreSteps):
        advance.run(waiting, stage.deps)
    stage.world.serve(400)
    stage.world.now += timedelta(seconds=61)
    assert advance.run(REQUEST, stage.deps).next == "approve"
    advance.run(waiting, stage.deps)
    assert stage.world.kept.task_token == "token"
    stage.world.stop("Rejected.")
    with pytest.raises(MoreSteps):
        advance.run(waiting, stage.deps)


def test_should_roll_back_when_its_job_is_cancelled() -> None:
    stage = Stage()
    stage.begin()
    advance.run(REQUEST, stage.deps)
    state = stage.jobs.state(TENANT, ID)
    assert state is not None
    stage.jobs.cancel(state, NOW)
    assert advance.run(REQUEST, stage.deps).status == "cancelled"
    assert stage.world.status == "rolled_back"
    assert stage.world.kept.rollout.reason == "Its job was cancelled."


def weighted() -> Stage:
    """Return a rollout that moves the weights of an endpoint, in its first stage."""
    subject = FakeSubject(now_live="own")
    stage = Stage(World(subject=subject, find=variants))
    stage.begin(subject=OWN, live="own", to="own@next", stages=STAGES[1:])
    assert advance.run(REQUEST, stage.deps).next == "approve"
    advance.run(REQUEST.model_copy(update={"task_token": "token"}), stage.deps)
    assert (stage.world.status, stage.world.kept.task_token) == ("running", "token")
    return stage


def test_a_stop_should_wake_an_execution_whose_weights_have_to_follow() -> None:
    stage = weighted()
    world, sent = stage.world, Sent()
    library = RolloutLibrary(
        records=world.records,
        subjects={"model": world.subject},
        is_monitored=lambda tenant, subject: False,
        launcher=JobLauncher(stage.jobs, FakeJobExecutions(), lambda: world.now),
        settler=RolloutSettler(world.records, world.records, world.bus, lambda: world.now),
        tasks=sent,
        now=lambda: world.now,
    )
    assert library.abort(TENANT, ID, "key-1", "").status == "rolled_back"
    assert sent.tokens == ["token"]
    assert world.endpoint.weights["next"] == 0.25, "the API moves no weight"
    result = advance.run(REQUEST, stage.deps)
    assert (result.next, result.seconds) == ("wait", 5)
    assert world.endpoint.weights["next"] == 0
    assert advance.run(REQUEST, stage.deps).next == "ended"


def test_a_cancelled_job_should_wait_for_the_weights() -> None:
    stage = weighted()
    state = stage.jobs.state(TENANT, ID)
    assert state is not None
    stage.jobs.cancel(state, NOW)
    result = advance.run(REQUEST, stage.deps)
    assert (result.next, result.status, stage.world.status) == ("wait", "cancelled", "rolled_back")
    assert stage.world.endpoint.weights["next"] == 0
    assert advance.run(REQUEST, stage.deps).next == "ended"


def test_should_roll_back_when_its_execution_ends_before_it() -> None:
    stage = Stage()
    stage.begin()
    advance.run(REQUEST, stage.deps)
    world = stage.world
    settler = RolloutSettler(world.records, world.records, world.bus, lambda: NOW)
    given = JobInput.model_validate(REQUEST.model_dump(include=set(JobInput.model_fields)))
    world.records.fails = 1
    for _ in range(2):
        settler.rollout_ended(given)
    assert world.status == "rolled_back"
    assert world.records.stops[TENANT, ID].by == "failure"
    settler.rollout_ended(given.model_copy(update={"kind": "export", "job_id": "other"}))


def test_should_know_no_rollout_that_is_not_there() -> None:
    stage = Stage()
    with pytest.raises(NotFound):
        advance.run(REQUEST, stage.deps)


@dataclass
class Captured:
    """Captured calls, and what a candidate was asked."""

    calls_kept: list[CapturedCall]
    asked: list[ReplayRequest] = field(default_factory=list)

    def calls(
        self,
        tenant: str,
        subject: CaptureSubject,
        *,
        now: datetime,
        after: str = "",
        since: datetime | None = None,
        limit: int = 0,
    ) -> Iterator[CapturedCall]:
        assert (subject.kind, subject.name) == ("prompt", "faq")
        yield from [each for each in self.calls_kept if each.id > after][:limit]

    def replay(
        self, tenant: str, rollout_id: str, requests: Iterator[ReplayRequest]
    ) -> ReplayResult:
        self.asked = list(requests)
        return ReplayResult(len(self.asked))


def captured(n: int, **changes: object) -> CapturedCall:
    fields: dict[str, object] = {
        "id": f"{n:026d}",
        "subject": {"kind": "prompt", "name": "faq"},
        "version": "3",
        "created_at": NOW + timedelta(seconds=n),
        "rollout_id": ID,
        "arm": "live",
        "input": '{"variables": {}}',
        "output": "Yes.",
    }
    return CapturedCall.model_validate(fields | changes)


def test_should_replay_what_the_candidate_can_answer() -> None:
    stage = Stage()
    stage.begin(smoke=(SmokeRequest(input={"variables": {}}, expect="yes"),))
    calls = Captured(
        [captured(1), captured(2, input=None), captured(3, rollout_id=""), captured(4)]
    )
    deps = replay.Deps(
        stage.world.records, calls, lambda state, ends_at: calls, lambda: NOW, lambda: 0.0
    )
    assert replay.run(REQUEST, deps).answered == 1
    assert [each.call_id for each in calls.asked] == ["smoke-0"]
    advance.run(REQUEST, stage.deps)
    assert replay.run(REQUEST, deps).answered == 2
    assert [each.call_id for each in calls.asked] == [f"{n:026d}" for n in (1, 4)]
    stage.world.stop("Aborted.")
    advance.run(REQUEST, stage.deps)
    assert replay.run(REQUEST, deps).answered == 0, "nobody needs an answer any more"


def test_should_count_no_call_before_the_candidate_has_answered_it() -> None:
    stage = Stage()
    stage.begin()
    advance.run(REQUEST, stage.deps)
    calls = CapturedRolloutCalls(
        Captured([captured(1), captured(2)]), stage.world.records, NoRatings()
    )
    found = calls.since(stage.world.kept, NOW + timedelta(hours=1))
    assert (found.metrics, found.cursor) == ((), "")

"""A rollout ends once and tells the truth, wherever a process is cut off or others come between.

Each rollout is run once to count its writes. Then it is run again for each of them, with something
that happens right before the write or right after it: the process is cut off, the tick comes a
second time, the whole rest of the rollout happens while this tick sleeps, a person aborts, the job
is cancelled, the execution ends. Every tick is delivered twice anyway, and once more at the end.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest

from chalicelib.captures.facts import CallFacts
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.jobs import JobInput, StepRequest, StepResult
from chalicelib.contracts.retrieval_settings import RetrievalSetting
from chalicelib.contracts.rollout_steps import StopRolloutRequest
from chalicelib.contracts.rollouts import (
    Arm,
    ArmCounts,
    Guard,
    RolloutStage,
    RolloutView,
    SmokeRequest,
    Subject,
    SubjectKind,
)
from chalicelib.errors import Conflict, MoreSteps, Transient
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.steps import StepContext
from chalicelib.rollouts.advance import RolloutAdvance
from chalicelib.rollouts.arms import ArmAssignment, LiveTraffic, assign_version
from chalicelib.rollouts.calls import CapturedRolloutCalls
from chalicelib.rollouts.endpoint_weights import WeightShift
from chalicelib.rollouts.library import RolloutLibrary
from chalicelib.rollouts.rollout_weights import RolloutWeights
from chalicelib.rollouts.settlement import RolloutSettler
from chalicelib.rollouts.shadow import ShadowReplay
from chalicelib.rollouts.subjects import (
    ModelChoices,
    PromptLabels,
    RetrievalChoices,
    SubjectVersions,
)
from functions.advance_rollout import core as advance
from functions.replay_calls import core as replay
from functions.stop_rollout import core as stop
from tests.soak import often
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.prompts.examples import content
from tests.unit.prompts.fakes import library as prompt_library
from tests.unit.rollouts.examples import ID, NOW, TENANT, rollout
from tests.unit.rollouts.fakes import FakeBus, FakeEndpoint, FakeRollouts
from tests.unit.schedules.fakes import PowerCut

REQUEST = StepRequest(tenant=TENANT, job_id=ID, kind="rollout", bucket="b", correlation_id="c")
WINDOW = 10
CALLS = {False: 16, True: 40}
"""Calls in each window, each by an end user of its own, by whether the candidate is bad."""
MARGINS = {False: 0.8, True: 0.5}
STAGES = (
    RolloutStage(share=0, shadow=True, dwell_seconds=0, min_calls=2),
    RolloutStage(share=50, dwell_seconds=0, min_calls=2, approval=True),
    RolloutStage(share=100, dwell_seconds=0, min_calls=2),
)
SMOKE = (SmokeRequest(input={"question": "Where?"}),)
KINDS: dict[SubjectKind, tuple[Subject, str, str]] = {
    "prompt": (Subject(kind="prompt", name="faq", label="production"), "1", "2"),
    "model": (Subject(kind="model", name="small"), "small", "large"),
    "retrieval": (Subject(kind="retrieval", name="manuals"), "default", "top_k=20,rerank=on"),
}
END_EVENTS = {"rollout.promoted": "promoted", "rollout.rolled_back": "rolled_back"}
Side = Literal["before", "after"]
Event = Callable[["Cloud"], None]


@dataclass
class WritePoints:
    """Has something happen, once, before or after the write of a number."""

    made: list[str] = field(default_factory=list)
    number: int | None = None
    side: Side = "before"
    happen: Callable[[], None] = lambda: None

    @contextmanager
    def write(self, name: str) -> Iterator[None]:
        number = len(self.made)
        self.made.append(name)
        self._reach(number, "before")
        yield
        self._reach(number, "after")

    def _reach(self, number: int, side: Side) -> None:
        if (number, side) == (self.number, self.side):
            self.number = None
            self.happen()


@dataclass
class Watched:
    """What `inner` is, with its methods `writes` as write points."""

    inner: Any
    points: WritePoints
    writes: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        if name not in self.writes:
            return method

        def write(*args: Any, **more: Any) -> Any:
            with self.points.write(name):
                return method(*args, **more)

        return write


@dataclass
class Candidate:
    """Answers captured calls in the background, without a word."""

    def answer(self, given: object) -> CallFacts:
        return CallFacts("candidate", {}, "")


@dataclass
class Cloud:
    """A rollout of one kind of subject, its execution, and end users who call."""

    kind: SubjectKind
    is_bad: bool
    points: WritePoints = field(default_factory=WritePoints)
    kept: FakeRollouts = field(default_factory=FakeRollouts)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    bus: FakeBus = field(default_factory=FakeBus)
    captured: list[CapturedCall] = field(default_factory=list)
    by_candidate: list[int] = field(default_factory=list)
    now: datetime = NOW
    acts_on_second: bool = False
    """Which of two deliveries of a tick the execution goes on by."""
    told_abort: str = ""
    """What became of the rollout, as the person was told who aborted it."""

    def __post_init__(self) -> None:
        self.subject, self.live, self.to = KINDS[self.kind]
        points = self.points
        writes = ("change", "put", "put_observation", "mark_told")
        self.records: Any = Watched(self.kept, points, writes)
        self.told: Any = Watched(self.bus, points, ("publish",))
        self.steps: Any = Watched(self.jobs, points, ("advance",))
        prompts = prompt_library(self.kept.prompts)
        prompts.save(TENANT, "faq", content(role="One."))
        prompts.save(TENANT, "faq", content(role="Two."))
        prompts.point(TENANT, "faq", "production", 1)
        labels = PromptLabels(prompts)
        models = ModelChoices(self.kept, lambda tenant, name: name)
        retrievals = RetrievalChoices(self.kept, RetrievalSetting.parse)
        self.versions: dict[SubjectKind, SubjectVersions] = {
            "prompt": labels,
            "model": models,
            "retrieval": retrievals,
        }
        self.settler = RolloutSettler(self.records, self.records, self.told, self.clock)
        self.library = RolloutLibrary(
            records=self.records,
            subjects=self.versions,
            is_monitored=lambda tenant, subject: True,
            launcher=JobLauncher(self.jobs, FakeJobExecutions(), self.clock),
            settler=self.settler,
            tasks=self,
            now=self.clock,
        )
        plan = rollout(
            subject=self.subject,
            live=self.live,
            to=self.to,
            stages=STAGES[1:] if self.is_bad else STAGES,
            guards=(Guard(metric="errors", margin=MARGINS[self.is_bad]),),
            smoke=() if self.is_bad else SMOKE,
            window_seconds=WINDOW,
        )
        self.library.begin(plan, JobInput.model_validate(_given()), "key-1")

    def clock(self) -> datetime:
        return self.now

    def succeed(self, token: str) -> None:
        """Take the token of the waiting execution, which goes on by time-out just as well."""

    @property
    def calls(self) -> CapturedRolloutCalls:
        return CapturedRolloutCalls(self.reader(), self.records, NoRatings())

    def reader(self) -> Any:
        return Captured(self.captured)

    @property
    def rollout(self) -> RolloutView:
        return self.kept.kept[TENANT, ID].rollout

    @property
    def live_now(self) -> str:
        return self.versions[self.kind].live(TENANT, self.subject)

    def tick(self, token: str = "") -> StepResult:
        weights = RolloutWeights(self.records, WeightShift(FakeEndpoint()))
        look = RolloutAdvance(
            self.records, self.versions, self.calls, weights, self.told, self.clock
        )
        desk = StepContext(self.steps, self.clock, lambda: 0.0, 1.0)
        request = REQUEST.model_copy(update={"task_token": token})
        return advance.run(request, advance.Deps(desk, look, self.records))

    def stop(self, result: StepResult) -> None:
        request = StopRolloutRequest(
            tenant=TENANT, job_id=ID, correlation_id="c", by="guard", reason=result.reason
        )
        stop.run(request, stop.Deps(self.records, self.clock))

    def replay(self) -> None:
        answerer = ShadowReplay(self.records, Candidate(), None, self.clock, lambda: 0.0)
        deps = replay.Deps(
            self.records, self.reader(), lambda state, ends_at: answerer, self.clock, lambda: 0.0
        )
        replay.run(REQUEST, deps)

    def execute(self) -> None:
        """Run the state machine from its beginning to its end, as `rollout.asl.json` says it."""
        for _ in range(60):
            results = [self.retried(self.tick), self.retried(self.tick)]
            result = results[self.acts_on_second]
            match result.next:
                case "wait":
                    self.serve()
                case "shadow":
                    self.serve()
                    for _ in range(2):
                        self.retried(self.replay)
                case "approve":
                    self.approve()
                case "stop":
                    for _ in range(2):
                        self.retried(functools.partial(self.stop, result))
                case _:
                    return
        raise AssertionError(f"the rollout does not end: {self.rollout}")

    def approve(self) -> None:
        with suppress(MoreSteps):
            self.retried(functools.partial(self.tick, "token"))
        self.serve()
        with suppress(Conflict):  # an approval that was cut off is there
            self.retried(lambda: self.library.approve(TENANT, ID, "key-2", "Good."))

    def retried(self, step: Callable[[], Any]) -> Any:
        """Run a step again while it is cut off or others are quicker, as Step Functions does."""
        for _ in range(4):
            with suppress(PowerCut, Transient):
                return step()
        raise AssertionError("the step never gets done")

    def serve(self) -> None:
        """Let a window of time go by, in which end users call."""
        self.now += timedelta(seconds=WINDOW)
        pointers = {
            key: each
            for (_, key), each in self.kept.pointers.items()
            if not each.share or (TENANT, each.rollout_id) not in self.kept.stops
        }
        traffic = LiveTraffic(pointers, {key: each for (_, key), each in self.kept.choices.items()})
        own = self.live_now if self.kind == "prompt" else KINDS[self.kind][1]
        of_candidate = 0
        for _ in range(CALLS[self.is_bad]):
            n = len(self.captured)
            user = f"user-{n}"
            arm = assign_version(traffic, TENANT, self.subject.key, user, own)
            of_candidate += arm.arm == "candidate"
            self.captured.append(_call(n, self.subject, arm, self.is_bad, self.now))
        self.by_candidate.append(of_candidate)


@functools.cache
def _call(
    n: int, subject: Subject, arm: ArmAssignment, is_bad: bool, now: datetime
) -> CapturedCall:
    failed = is_bad and arm.arm == "candidate"
    return CapturedCall(
        id=f"{n:026d}",
        subject=CaptureSubject(kind=subject.kind, name=subject.name),
        version=arm.version,
        created_at=now,
        rollout_id=arm.rollout_id,
        arm=arm.arm,
        outcome="error" if failed else "ok",
        input='{"question": "Where?"}',
        output="Here.",
    )


def _given() -> dict[str, object]:
    return REQUEST.model_dump(include=set(JobInput.model_fields))


class NoRatings:
    def counts(self, tenant: str, rollout_id: str, since: datetime) -> dict[Arm, ArmCounts]:
        raise AssertionError("no guard asks for them")


@dataclass
class Captured:
    """Captured calls by their ids."""

    kept: list[CapturedCall]

    def calls(
        self, tenant: str, subject: CaptureSubject, *, after: str = "", limit: int = 0, **_: Any
    ) -> Iterator[CapturedCall]:
        first = int(after) + 1 if after else 0
        yield from self.kept[first : first + limit]


def power_cut(cloud: Cloud) -> None:
    raise PowerCut


def second_tick(cloud: Cloud) -> None:
    cloud.retried(cloud.tick)


def everything_else(cloud: Cloud) -> None:
    cloud.execute()


def abort(cloud: Cloud) -> None:
    """Abort; what the person is told has to be what becomes of the rollout."""
    try:
        cloud.told_abort = cloud.library.abort(TENANT, ID, "key-2", "Not today.").status
    except Conflict as error:
        is_promoted = "live already" in error.message or "as promoted" in error.message
        cloud.told_abort = "promoted" if is_promoted else "rolled_back"


def cancel(cloud: Cloud) -> None:
    state = cloud.jobs.state(TENANT, ID)
    assert state is not None
    if state.is_open:
        cloud.jobs.cancel(state, cloud.now)


def execution_ends(cloud: Cloud) -> None:
    cloud.settler.rollout_ended(JobInput.model_validate(_given()))


EVENTS: tuple[Event, ...] = (
    power_cut,
    second_tick,
    everything_else,
    abort,
    cancel,
    execution_ends,
)


def check(cloud: Cloud, event: Event | None, point: str) -> None:
    """Hold a rollout that was run to its end to what has to be true of it."""
    cloud.retried(cloud.tick)  # late
    ended = cloud.rollout
    assert ended.status in END_EVENTS.values()
    is_promoted = ended.status == "promoted"
    assert cloud.live_now == (cloud.to if is_promoted else cloud.live)
    assert cloud.kept.promotions == [cloud.to] * is_promoted, "at most once"
    assert cloud.kept.pointers == {}
    told = [each for each in cloud.bus.events if each.detail_type in END_EVENTS]
    assert {END_EVENTS[each.detail_type] for each in told} == {ended.status}
    texts = Counter(each.model_dump_json() for each in told)
    assert len(texts) == 1, "an event that is repeated is the same"
    if point not in ("publish after", "mark_told before") and event in (None, power_cut):
        assert len(told) == 1
    if cloud.is_bad:
        assert not is_promoted
        assert sum(map(bool, cloud.by_candidate)) <= 2, "no traffic after two windows"
    before = len(cloud.by_candidate)
    cloud.serve()
    cloud.serve()
    assert cloud.by_candidate[before:] == [0, 0]
    counted = sum(each.live_calls + each.candidate_calls for each in ended.reports)
    assert counted <= 2 * len(cloud.captured), "no call was counted twice"
    assert sum(each.candidate_calls for each in ended.reports if not each.shadow) <= sum(
        cloud.by_candidate
    )
    assert cloud.told_abort in ("", ended.status)


@functools.cache
def write_points(kind: SubjectKind, is_bad: bool) -> tuple[str, ...]:
    """Return the writes of a rollout that nothing interrupts, and hold it to what it has to be."""
    cloud = Cloud(kind, is_bad)
    cloud.execute()
    made = tuple(cloud.points.made)
    check(cloud, None, "")
    assert cloud.rollout.status == ("rolled_back" if is_bad else "promoted")
    return made


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
@pytest.mark.parametrize("is_bad", [False, True], ids=["good", "bad"])
@pytest.mark.parametrize("kind", KINDS)
def test_should_end_once_whatever_happens_at_any_write(
    kind: SubjectKind, is_bad: bool, event: Event
) -> None:
    made = write_points(kind, is_bad)
    for number, name in enumerate(made):
        if {name} == set(made[number - 1 : number + 2]):
            continue  # in the midst of the answers of one replay
        sides: tuple[Side, Side] = ("before", "after")
        acts_on = (number % 2 == 1, number % 2 == 0)[: often(2, 1)]
        for side, second in itertools.product(sides, acts_on):
            cloud = Cloud(kind, is_bad, acts_on_second=second)
            points = cloud.points
            points.number, points.side = len(points.made) + number, side
            points.happen = functools.partial(event, cloud)
            cloud.execute()
            check(cloud, event, f"{name} {side}")
            if event is power_cut and not is_bad:
                assert cloud.rollout.status == "promoted"

"""Steps of runs, whatever their kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.schedule_runs import RunCheckpoint, RunOrder
from chalicelib.contracts.schedules import WORK
from chalicelib.errors import Conflict, InvalidInput, NotFound, Unsupported
from chalicelib.jobs.launcher import JobLauncher
from functions.run_schedule import core
from functions.run_schedule.children import ChildJobs, polling_seconds
from functions.run_schedule.kind import Run, RunStep
from tests.unit.functions.run_schedule.buckets import Buckets, Runs
from tests.unit.jobs.examples import JOB, NOW, begun, desk, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

CHILD = "01J9ZQ3V5B8X6N2M4K7T0RWFHZ"
REPORT: Mapping[str, Any] = {"kind": "report", "period": "week"}


def order(work: Mapping[str, Any] = REPORT) -> RunOrder:
    return RunOrder(schedule_id="S", schedule="weekly", scheduled_at=NOW, work=work)


@dataclass
class ScriptedKind:
    """Returns the next of `steps`, and remembers what it was given."""

    steps: list[RunStep]
    seen: list[tuple[Run, RunCheckpoint]] = field(default_factory=list)
    cancelled: int = 0

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        self.seen.append((run, place))
        return self.steps.pop(0)

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        self.cancelled += 1
        return 7 if self.cancelled == 1 else None


def deps(jobs: FakeJobs, **kinds: ScriptedKind) -> core.Deps:
    launcher = JobLauncher(jobs, FakeJobExecutions(), lambda: NOW)
    made = {name: lambda _, kind=kind: kind for name, kind in kinds.items()}
    runs = replace(Runs(Buckets()).deps, children=ChildJobs(launcher))
    return core.Deps(desk(jobs), runs, made)


def test_a_run_should_go_from_step_to_step_by_its_checkpoint() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "scheduled_run", run=order())
    counts = JobCounts(total=1, done=1)
    kind = ScriptedKind(
        [
            RunStep(RunCheckpoint(phase="a"), JobCounts(), next="wait", seconds=9),
            RunStep(RunCheckpoint(phase="b", notes=("n",)), counts, end="succeeded"),
        ]
    )
    waiting = core.run(request, deps(jobs, report=kind))
    assert (waiting.next, waiting.seconds) == ("wait", 9)
    ended = core.run(request, deps(jobs, report=kind))
    assert (ended.next, ended.status, ended.counts) == ("ended", "succeeded", counts)
    (first, _), (run, place) = kind.seen
    assert (place, run.work, run.job_id) == (RunCheckpoint(phase="a"), first.work, JOB)
    assert core.read_place(jobs.kept["acme", JOB]).notes == ("n",)


def test_a_cancelled_run_should_be_cleaned_up_until_its_kind_is_done() -> None:
    jobs = FakeJobs()
    request = begun(jobs, "scheduled_run", run=order())
    kind = ScriptedKind([])
    jobs.cancel(jobs.kept["acme", JOB], NOW)
    assert core.run(request, deps(jobs, report=kind)).seconds == 7
    assert core.run(request, deps(jobs, report=kind)).next == "ended"


def test_work_of_an_unknown_kind_and_a_run_without_an_order_should_fail_clearly() -> None:
    jobs = FakeJobs()
    with pytest.raises(Unsupported, match="report"):
        core.run(begun(jobs, "scheduled_run", run=order()), deps(jobs))
    with pytest.raises(InvalidInput):
        core.run(begun(jobs, "scheduled_run", job_id=CHILD), deps(jobs))


class ChildWorld:
    """A run, and the jobs that it starts."""

    def __init__(self) -> None:
        self.jobs, self.executions = FakeJobs(), FakeJobExecutions()
        self.children = ChildJobs(JobLauncher(self.jobs, self.executions, lambda: NOW))
        begun(self.jobs, "scheduled_run", run=order())
        state = self.jobs.kept["acme", JOB]
        self.run = Run(order(), WORK.validate_python(REPORT), state, NOW)
        self.place = RunCheckpoint(child=CHILD)

    def status(self) -> str:
        return self.children.find(self.run, self.place).job.status


def test_a_child_should_be_started_once_and_found_again() -> None:
    world = ChildWorld()
    with pytest.raises(NotFound):
        world.children.find(world.run, world.place)
    for _ in range(2):
        world.children.launch(given("export", job_id=CHILD))
    assert [each.job_id for each in world.executions.started] == [CHILD]
    assert world.status() == "queued"


def test_a_child_should_be_cancelled_and_tried_again_as_often_as_that_is_said() -> None:
    world = ChildWorld()
    world.children.cancel(world.run, RunCheckpoint())
    world.children.launch(given("export", job_id=CHILD))
    for _ in range(2):
        world.children.cancel(world.run, world.place)
        assert world.status() == "cancelled"
    for _ in range(2):
        world.children.resume(world.children.find(world.run, world.place))
        assert world.status() == "queued"
    assert [each.attempt for each in world.executions.started] == [1, 2]


def test_a_child_of_a_tenant_that_is_being_removed_should_not_begin() -> None:
    world = ChildWorld()
    world.jobs.refuses = Conflict("The tenant is being removed.")
    with pytest.raises(Conflict):
        world.children.launch(given("export", job_id=CHILD))


@pytest.mark.parametrize(("elapsed", "seconds"), [(0, 2), (80, 10), (86_400, 900)])
def test_a_child_should_be_looked_at_the_more_seldom_the_longer_it_takes(
    elapsed: int, seconds: int
) -> None:
    world = ChildWorld()
    world.children.launch(given("export", job_id=CHILD))
    later = Run(world.run.order, world.run.work, world.run.state, NOW + timedelta(seconds=elapsed))
    child = world.children.find(world.run, world.place)
    assert polling_seconds(later, child) == seconds

"""Settlement of executions of jobs, and the sweep."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.contracts.arrivals import ExecutionEnded
from chalicelib.contracts.jobs import (
    JobFailed,
    JobInput,
)
from chalicelib.jobs.job_settlement import GRACE, JobHandlers, JobSettler
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.steps import run_step
from tests.unit.ingest.fakes import FakeBus
from tests.unit.jobs.examples import JOB, NOW, begun, desk, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.jobs.test_jobs import error_of, outcome, state_of


class Ended:
    """Executions that end, and who settles them."""

    def __init__(self) -> None:
        self.jobs, self.executions, self.bus = FakeJobs(), FakeJobExecutions(), FakeBus()
        self.now = NOW
        self.ended: list[JobInput] = []
        self.asked = given("export")
        JobLauncher(self.jobs, self.executions, lambda: NOW).launch(self.asked)
        self.settlements = JobSettler(
            self.jobs, self.executions, self.bus, lambda: self.now, self.ended.append
        )

    def event(self, status: str, **detail: str) -> ExecutionEnded:
        arn = self.executions.arn(self.asked)
        return ExecutionEnded.model_validate(
            {"id": "e", "detail": {"executionArn": arn, "status": status, **detail}}
        )


@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED", "FAILED", "SUCCEEDED"])
def test_a_job_that_its_execution_left_open_has_failed(status: str) -> None:
    world = Ended()
    assert world.settlements.settle_event(world.event(status, error="E", cause="c"))
    job = state_of(world.jobs).job
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.message.endswith("(E: c).")
    (event,) = world.bus.events
    assert isinstance(event, JobFailed)
    assert not world.jobs.executions
    assert not world.settlements.settle_event(world.event(status))


def test_a_job_that_ended_by_itself_is_left_as_it_is() -> None:
    world = Ended()
    request = begun(FakeJobs(), "export")
    run_step(request, desk(world.jobs), lambda state: outcome(end="succeeded"), lambda state: None)
    world.settlements.settle_event(world.event("SUCCEEDED"))
    assert state_of(world.jobs).job.status == "succeeded"
    assert not world.bus.events


def test_an_attempt_that_ended_late_does_not_fail_the_next_one() -> None:
    world = Ended()
    world.jobs.fail(state_of(world.jobs), error_of("Transient"), NOW)
    JobLauncher(world.jobs, world.executions, lambda: NOW).retry(state_of(world.jobs))
    world.settlements.settle_event(world.event("FAILED"))
    assert state_of(world.jobs).job.status == "queued"
    assert list(world.jobs.executions) == [f"{JOB}-2"]


def test_a_sweep_starts_what_was_accepted_and_never_started() -> None:
    world = Ended()
    world.executions.started.clear()
    (running,) = world.jobs.executions.values()
    assert not world.settlements.sweep(running)
    world.now = NOW + GRACE
    assert world.settlements.sweep(running)
    assert world.executions.started == [world.asked]


def test_a_sweep_settles_what_ended_unnoticed_and_leaves_what_runs() -> None:
    world = Ended()
    world.now = NOW + GRACE
    (running,) = world.jobs.executions.values()
    assert not world.settlements.sweep(running)
    world.executions.ends[running.input.execution_name] = "TIMED_OUT"
    assert world.settlements.sweep(running)
    assert state_of(world.jobs).job.status == "failed"


def test_a_sweep_tells_the_age_of_the_oldest_job_while_there_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = Ended()
    world.now = NOW + timedelta(seconds=59)
    handlers = JobHandlers(world.settlements, world.jobs)
    handlers.sweep()
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    assert json.loads(line)["OldestJobSeconds"] == [59.0]
    world.jobs.executions.clear()
    handlers.sweep()
    assert "_aws" not in capsys.readouterr().out

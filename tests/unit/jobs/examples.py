"""Values that tests of jobs begin with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chalicelib.contracts.jobs import JobInput, JobKind, StepRequest
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.steps import StepContext
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
JOB = "01J9ZQ3V5B8X6N2M4K7T0RWFHD"
BUCKET = "headrace-test-documents"


def given(kind: JobKind, **fields: Any) -> JobInput:
    """Return what is asked of a job."""
    told = {"tenant": "acme", "job_id": JOB, "bucket": BUCKET, "correlation_id": "c", **fields}
    return JobInput(kind=kind, **told)


def begun(jobs: FakeJobs, kind: JobKind, **fields: Any) -> StepRequest:
    """Begin a job and return the request of its first step."""
    asked = given(kind, **fields)
    JobLauncher(jobs, FakeJobExecutions(), lambda: NOW).launch(asked)
    return StepRequest.model_validate(asked.model_dump())


def desk(jobs: FakeJobs, seconds_a_look: float = 0.0) -> StepContext:
    """Return a desk whose clock goes on by `seconds_a_look` each time that it is looked at."""
    ticks = iter(range(10**9))
    return StepContext(jobs, lambda: NOW, lambda: next(ticks) * seconds_a_look, 1.0, seconds=10)

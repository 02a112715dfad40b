"""What jobs ask of the records table and of their state machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.jobs import JobError, JobInput
    from chalicelib.jobs.lifecycle import JobState, Used
    from chalicelib.jobs.stepping import Outcome


@dataclass(frozen=True, slots=True)
class RunningJob:
    """An execution that works on a job, until its end is settled."""

    input: JobInput
    execution_arn: str
    started_at: datetime


class StepRecords(Protocol):
    """The record of one job, as its steps see it."""

    def state(self, tenant: str, job_id: str) -> JobState | None:
        """Return a job, or None."""

    def advance(self, state: JobState, outcome: Outcome, used: Used, now: datetime) -> None:
        """Record a step.

        Raises:
            Conflict: the job went on, was cancelled or ended since `state` was read.
        """


class JobRecords(StepRecords, Protocol):
    """Jobs of all tenants, and the executions that work on them."""

    def begin(self, state: JobState, now: datetime) -> bool:
        """Keep a new job with its execution; False when it is there already.

        Raises:
            Conflict: the tenant is being removed, or is being reindexed already.
        """

    def begin_again(self, state: JobState, now: datetime) -> None:
        """Keep the next attempt at a job with its execution.

        Raises:
            Conflict: another attempt was begun before, or the tenant is being removed.
        """

    def states(self, tenant: str, after: str) -> Iterator[JobState]:
        """Yield the tenant's jobs, newest first, those older than the id `after` ("" for all)."""

    def cancel(self, state: JobState, now: datetime) -> None:
        """Mark a job as cancelled; raise `Conflict` if it ended meanwhile."""

    def fail(self, state: JobState, error: JobError, now: datetime) -> None:
        """Mark a job as failed; raise `Conflict` if it ended meanwhile."""

    def pause(self, state: JobState, now: datetime) -> None:
        """Mark a job as paused; raise `Conflict` if it ended or was paused meanwhile."""

    def running(self) -> Iterator[RunningJob]:
        """Yield the executions that are not settled."""

    def running_job(self, execution_name: str) -> RunningJob | None:
        """Return an execution, or None once it is settled."""

    def leave(self, running: RunningJob) -> None:
        """Record that an execution is settled; may be repeated."""


class JobExecutions(Protocol):
    """The executions of the state machines of jobs."""

    def arn(self, given: JobInput) -> str:
        """Return the ARN that the execution of `given` has."""

    def start(self, given: JobInput) -> None:
        """Start an execution; one of that name that exists already is no error."""

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """Return how an execution ended, None while it runs; raise `NotFound`."""

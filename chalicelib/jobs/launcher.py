"""Begins, retries, pauses and cancels jobs; every request may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.schedule_runs import RunCheckpoint
from chalicelib.errors import Conflict
from chalicelib.jobs.lifecycle import (
    JobState,
    RunningJob,
    check_cancellable,
    check_pausable,
    new_job,
    next_attempt,
    resumed_attempt,
)
from chalicelib.jobs.steps import StepRecords

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.jobs import Job, JobError, JobInput


class JobRecords(StepRecords, Protocol):
    """Jobs of all tenants, and the executions that work on them."""

    def begin(self, state: JobState, now: datetime) -> bool:
        """Store a new job with its execution; return False if it exists already.

        Raises:
            Conflict: the tenant is being removed, or is being reindexed already.
        """

    def begin_again(self, state: JobState, now: datetime) -> None:
        """Store the next attempt at a job with its execution.

        Raises:
            Conflict: another attempt was begun before, or the tenant is being removed.
        """

    def states(self, tenant: str, after: str) -> Iterator[JobState]:
        """Yield the tenant's jobs, newest first, those older than the id `after` ("" for all)."""

    def cancel(self, state: JobState, now: datetime) -> None:
        """Mark a job as cancelled; raise `Conflict` if it has ended."""

    def fail(self, state: JobState, error: JobError, now: datetime) -> None:
        """Mark a job as failed; raise `Conflict` if it has ended."""

    def pause(self, state: JobState, now: datetime) -> None:
        """Mark a job as paused; raise `Conflict` if it has ended or is paused."""

    def running(self) -> Iterator[RunningJob]:
        """Yield the executions that are not settled."""

    def running_job(self, execution_name: str) -> RunningJob | None:
        """Return an execution, or None once it is settled."""

    def leave(self, running: RunningJob) -> None:
        """Record that an execution is settled; may be repeated."""


class JobExecutions(Protocol):
    """The executions of the state machines of jobs."""

    def arn(self, given: JobInput) -> str:
        """Return the ARN of the execution of `given`."""

    def start(self, given: JobInput) -> None:
        """Start an execution; it is no error if one of that name exists."""

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """Return how an execution ended, None while it runs; raise `NotFound`."""


@dataclass(frozen=True, slots=True)
class JobLauncher:
    """Begins jobs. The sweeper starts those that were recorded but not started."""

    records: JobRecords
    executions: JobExecutions
    now: Callable[[], datetime]

    def launch(self, given: JobInput) -> Job:
        """Store the job and start it; a job that exists already is left as it is.

        Raises:
            Conflict: the tenant is being removed, or is being reindexed already.
        """
        now = self.now()
        job = new_job(given, now)
        if self.records.begin(JobState(job, given, self.executions.arn(given)), now):
            self.executions.start(given)
        return job

    def retry(self, state: JobState) -> Job:
        """Begin the next attempt at a job that did not succeed.

        Raises:
            Conflict: the job has not ended, succeeded, or was retried meanwhile.
        """
        return self._again(state).job

    def pause(self, state: JobState) -> Job:
        """Pause a job: its current step is finished, and its execution ends.

        Raises:
            Conflict: the job cannot be paused, or ended meanwhile.
        """
        check_pausable(state.job)
        self.records.pause(state, self.now())
        return self._kept(state)

    def resume(self, state: JobState) -> Job:
        """Continue a paused job where it stopped, in a new execution.

        Raises:
            Conflict: the job is not paused, its files have expired, or it was resumed meanwhile.
        """
        now = self.now()
        attempt = state.input.model_copy(update={"attempt": state.job.attempt + 1})
        fresh = resumed_attempt(state, self.executions.arn(attempt), now)
        self.records.begin_again(fresh, now)
        self.executions.start(fresh.input)
        return fresh.job

    def cancel(self, state: JobState) -> Job:
        """Cancel a job: its current step is finished, and no other is begun.

        A reindex that failed is begun once more, to take down the index that it was building. With
        a schedule's run goes the job that does its work, which the run's next step, minutes later,
        would cancel otherwise.

        Raises:
            Conflict: the job ended, or must not be left half done.
        """
        if state.job.kind == "reindex" and state.job.status == "failed":
            state = self._again(state)
        check_cancellable(state.job)
        self.records.cancel(state, self.now())
        if state.job.kind == "scheduled_run" and state.checkpoint:
            self._cancel_child(state)
        return self._kept(state)

    def _cancel_child(self, state: JobState) -> None:
        place = RunCheckpoint.model_validate_json(state.checkpoint)
        child = self.records.state(state.input.tenant, place.child) if place.child else None
        if child is not None and child.is_open:
            with suppress(Conflict):  # it ended meanwhile
                self.records.cancel(child, self.now())

    def _kept(self, state: JobState) -> Job:
        stored = self.records.state(state.input.tenant, state.input.job_id)
        if stored is None:
            raise Conflict("The job is gone.", field="job_id")
        return stored.job

    def _again(self, state: JobState) -> JobState:
        now = self.now()
        attempt = state.input.model_copy(update={"attempt": state.job.attempt + 1})
        fresh = next_attempt(state, self.executions.arn(attempt), now)
        self.records.begin_again(fresh, now)
        self.executions.start(fresh.input)
        return fresh

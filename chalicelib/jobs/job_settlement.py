"""Settles executions of jobs: records the end of those that could not record it themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger

from chalicelib.contracts.arrivals import ExecutionEnded
from chalicelib.contracts.jobs import JobError, JobFailed, JobInput
from chalicelib.errors import Conflict, HeadraceError, NotFound, Throttled, Transient
from chalicelib.observability import OLDEST_JOB, observed

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.events import EventBus
    from chalicelib.jobs.launcher import JobExecutions, JobRecords
    from chalicelib.jobs.lifecycle import JobState, RunningJob


GRACE = timedelta(seconds=60)
"""The time that an execution has to report its own end before the sweeper looks at it."""

_CAUSES: dict[ExecutionStatus, str] = {
    "SUCCEEDED": "The job ended without saying how",
    "FAILED": "The job failed before it could say why",
    "TIMED_OUT": "The job took longer than it may",
    "ABORTED": "The job was stopped",
}


@dataclass(frozen=True, slots=True)
class JobSettler:
    """Settles executions of jobs."""

    records: JobRecords
    executions: JobExecutions
    bus: EventBus
    now: Callable[[], datetime]
    job_ended: Callable[[JobInput], None]
    """Told of each job that an execution has ended; may be told again."""

    def settle_event(self, event: ExecutionEnded) -> bool:
        """Settle the execution that `event` is about; return False if that was done before."""
        detail = event.detail
        running = self.records.running_job(detail.execution_arn.rsplit(":", 1)[-1])
        if running is None:
            return False
        self.settle(running, detail.status, detail.error, detail.cause)
        return True

    def settle(
        self,
        running: RunningJob,
        status: ExecutionStatus,
        error: str | None = None,
        cause: str | None = None,
    ) -> None:
        """Fail a job that its execution left open, then forget the execution.

        A paused job is left alone: its execution ends, and another begins when it is resumed.

        The failure is announced before it is recorded, and the execution's own record goes
        last, so that the sweeper repeats whatever interrupts this.
        """
        given = running.input
        state = self.records.state(given.tenant, given.job_id)
        if state is not None and _is_left_open(state, given):
            detail = ": ".join(part for part in (error, cause) if part)
            message = f"{_CAUSES[status]} ({detail})." if detail else f"{_CAUSES[status]}."
            failure = JobError(type=error or status, message=message[:500])
            self.bus.publish(self._failed(given, failure))
            with suppress(Conflict):
                self.records.fail(state, failure, self.now())
        self.job_ended(given)
        self.records.leave(running)

    def sweep(self, running: RunningJob) -> bool:
        """Start an execution that never started, or settle one whose end was missed.

        Returns:
            whether either was due.
        """
        if self.now() - running.started_at < GRACE:
            return False
        try:
            status = self.executions.ended(running.execution_arn)
        except NotFound:
            self.executions.start(running.input)
            return True
        if status is None:
            return False
        self.settle(running, status)
        return True

    def _failed(self, given: JobInput, failure: JobError) -> JobFailed:
        return JobFailed(
            tenant=given.tenant,
            job_id=given.job_id,
            kind=given.kind,
            attempt=given.attempt,
            correlation_id=given.correlation_id,
            time=self.now(),
            error=failure,
        )


def _is_left_open(state: JobState, given: JobInput) -> bool:
    is_awake = state.is_open and state.job.status != "paused"
    return is_awake and state.job.attempt == given.attempt


_TEMPORARY = (Throttled, Transient)


@dataclass(frozen=True, slots=True)
class SweepErrors:
    """The errors of a sweep, which continues past them and fails at its end."""

    log: Logger
    errors: list[HeadraceError] = field(default_factory=list)

    def add(self, error: HeadraceError, execution_arn: str) -> None:
        """Log why an execution could not be looked after.

        Temporary errors are warnings; all others are errors with their trace, since the
        next sweep will meet them again.
        """
        self.errors.append(error)
        if isinstance(error, _TEMPORARY):
            self.log.warning(error.message, execution=execution_arn)
        else:
            self.log.error(error.message, exc_info=error, execution=execution_arn)

    @contextmanager
    def collected(self, what: str) -> Iterator[None]:
        """Add the error that the block raises, if any; `what` names what it looks after."""
        try:
            yield
        except HeadraceError as error:
            self.add(error, what)

    def tell(self, what: str) -> None:
        """Raise an error of the worst kind if there were any; `what` names the executions.

        A lasting kind goes before a temporary one.
        """
        if not self.errors:
            return
        lasting = (error for error in self.errors if not isinstance(error, _TEMPORARY))
        cause = next(lasting, self.errors[0])
        raise type(cause)(f"{len(self.errors)} {what} could not be looked after.") from cause


@dataclass(frozen=True, slots=True)
class JobHandlers:
    """Handlers of events about jobs, which `app.py` binds."""

    settlements: JobSettler
    records: JobRecords

    def job_ended(self, event: dict[str, Any]) -> None:
        """Settle the execution that ended."""
        ended = ExecutionEnded.model_validate(event)
        with observed("job_ended", ended.id) as observation:
            if self.settlements.settle_event(ended):
                observation.became("settled")

    def sweep(self) -> None:
        """Look after every execution of a job that is not settled.

        Raises:
            HeadraceError: some could not be looked after, of the kind that says why; the next sweep
                tries again.
        """
        oldest = timedelta()
        with observed("sweep_jobs") as observation:
            errors = SweepErrors(observation.log)
            for running in self.records.running():
                oldest = max(oldest, self.settlements.now() - running.started_at)
                try:
                    if self.settlements.sweep(running):
                        observation.became("swept")
                except HeadraceError as error:
                    errors.add(error, running.execution_arn)
            if oldest:
                observation.age(OLDEST_JOB, oldest.total_seconds())
            errors.tell("executions of jobs")

"""The end of an execution of a job: what it could not record itself is recorded here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.contracts.jobs import JobError, JobFailed, JobInput
from chalicelib.errors import Conflict, NotFound

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionEnded, ExecutionStatus
    from chalicelib.jobs.job_records import JobExecutions, JobRecords, RunningJob
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.ports import EventBus

GRACE = timedelta(seconds=60)
"""How long an execution is left to its own status event before the sweeper looks at it."""

_CAUSES: dict[ExecutionStatus, str] = {
    "SUCCEEDED": "The job ended without saying how",
    "FAILED": "The job failed before it could say why",
    "TIMED_OUT": "The job took longer than it may",
    "ABORTED": "The job was stopped",
}


@dataclass(frozen=True, slots=True)
class JobSettlements:
    """Settles executions of jobs."""

    records: JobRecords
    executions: JobExecutions
    bus: EventBus
    now: Callable[[], datetime]

    def settle_event(self, event: ExecutionEnded) -> bool:
        """Settle the execution that `event` tells of; False when it was settled before."""
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

        A paused job is no such: its execution ends, and another begins when it is resumed.

        The failure is told before it is recorded, and the execution's own record goes last:
        whatever interrupts this, the sweeper repeats it.
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
        self.records.leave(running)

    def sweep(self, running: RunningJob) -> bool:
        """Start what never started, settle what ended unnoticed; tell whether either was due."""
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

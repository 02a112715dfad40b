"""Between Lambda's events and jobs: correlation ids, logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.arrivals import ExecutionEnded
from chalicelib.errors import HeadraceError
from chalicelib.jobs.sweeping import Missed
from chalicelib.observability import OLDEST_JOB, observed

if TYPE_CHECKING:
    from chalicelib.jobs.ending import JobSettlements
    from chalicelib.jobs.job_records import JobRecords


@dataclass(frozen=True, slots=True)
class JobHandlers:
    """What `app.py` binds to events."""

    settlements: JobSettlements
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
            HeadraceError: some could not be looked after, of the kind that says why; the next
                sweep tries again.
        """
        oldest = timedelta()
        with observed("sweep_jobs") as observation:
            missed = Missed(observation.log)
            for running in self.records.running():
                oldest = max(oldest, self.settlements.now() - running.started_at)
                try:
                    if self.settlements.sweep(running):
                        observation.became("swept")
                except HeadraceError as error:
                    missed.add(error, running.execution_arn)
            if oldest:
                observation.age(OLDEST_JOB, oldest.total_seconds())
            missed.tell("executions of jobs")

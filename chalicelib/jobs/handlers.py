"""Between Lambda's events and jobs: correlation ids, logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.contracts.arrivals import ExecutionEnded
from chalicelib.errors import HeadraceError, Transient
from chalicelib.jobs.ending import JobSettlements
from chalicelib.jobs.job_records import JobRecords
from chalicelib.observability import observed


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
                observation.count("JobsSettled")

    def sweep(self) -> None:
        """Look after every execution of a job that is not settled.

        Raises:
            Transient: some could not be looked after; the next sweep tries again.
        """
        failures = 0
        with observed("sweep_jobs") as observation:
            for running in self.records.running():
                try:
                    if self.settlements.sweep(running):
                        observation.count("JobsSwept")
                except HeadraceError as error:
                    failures += 1
                    observation.log.warning(error.message, execution=running.execution_arn)
            if failures:
                raise Transient(f"{failures} executions of jobs could not be looked after.")

"""Exports a collection, or all of a tenant, by an export job, and copies its files to S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.schedule_places import Destinations
from chalicelib.contracts.schedules import ExportWork
from chalicelib.errors import Unsupported
from functions.run_schedule.child_files import ChildFileRuns
from functions.run_schedule.kind import Run


@dataclass(frozen=True, slots=True)
class ExportRuns(ChildFileRuns):
    """Does the work of runs that export documents."""

    name: ClassVar[str] = "export"
    phase: ClassVar[str] = "exporting"

    def order(self, run: Run) -> JobInput:
        """Return the input of the run's export."""
        return JobInput(
            tenant=run.tenant,
            job_id=self.child_id(run),
            kind="export",
            bucket=run.bucket,
            correlation_id=run.correlation_id,
            collection=_work(run).collection or "",
        )

    def destinations(self, run: Run) -> Destinations:
        """Return where the files go."""
        return _work(run).results


def _work(run: Run) -> ExportWork:
    if not isinstance(run.work, ExportWork):
        raise Unsupported("This run does not export documents.", field="work.kind")
    return run.work

"""Reports usage and cost of the last whole day, week or month before the run.

Usage is counted by days of UTC, whatever the time zone of the schedule is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC

from chalicelib.budgets.ledger import LedgerStore
from chalicelib.budgets.usage import usage_report
from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.objects import ObjectStore
from chalicelib.contracts.schedule_runs import RunCheckpoint, Watermark
from chalicelib.contracts.schedules import ReportWork
from chalicelib.errors import Unsupported
from chalicelib.jobs.lifecycle import ResultFile
from chalicelib.retrieval.ids import InboxPlace
from chalicelib.schedules.locations import S3Location
from functions.run_schedule.destinations import GrantedLocations, Transfers, run_folders
from functions.run_schedule.kind import Run, RunStep
from functions.run_schedule.usage_files import (
    TABLES,
    PeriodUsage,
    last_period,
    usage_csv,
    usage_json,
    usage_text,
)

JSON, CSV, TEXT = "report.json", "report.csv", "report.md"
_TYPES: Mapping[str, str] = {JSON: "application/json", CSV: "text/csv", TEXT: "text/markdown"}


@dataclass(frozen=True, slots=True)
class ReportRuns:
    """Does the work of runs that report usage and cost."""

    ledger: LedgerStore
    objects: ObjectStore
    transfers: Transfers
    locations: GrantedLocations

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        """Write the report to every place that it goes to, and end; may be repeated.

        Raises:
            InvalidInput: the tenant may not write to a destination.
            NotFound: there is no such bucket.
        """
        work = run.work
        if not isinstance(work, ReportWork):
            raise Unsupported("This run does not report usage.", field="work.kind")
        folders = list(run_folders(run, work.results, self.locations))
        usage = self._usage(run, work)
        files = {JSON: usage_json(usage), CSV: usage_csv(usage), TEXT: usage_text(usage)}
        for name, body in files.items():
            self.objects.write(run.bucket, run.prefix + name, body, {})
            for folder in folders:
                target = S3Location(folder.bucket, folder.key + name)
                self.transfers.put_object(target, body, _TYPES[name])
        written = [folder.uri for folder in folders]
        for result in work.results:
            if result.type == "collection":
                path = f"reports/{run.order.schedule}/{usage.name}.md"
                inbox = InboxPlace(run.tenant, result.collection, path)
                self.objects.write(run.bucket, inbox.key, files[TEXT], {})
                written.append(f"{result.collection}/{path}")
        checkpoint = RunCheckpoint(
            phase="done", results=tuple(written), watermark=Watermark(at=run.order.scheduled_at)
        )
        return RunStep(
            checkpoint,
            JobCounts(total=1, done=1),
            end="succeeded",
            files=tuple(ResultFile(name, len(body)) for name, body in files.items()),
        )

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        """Do nothing: a report is written in one step."""
        return None

    def _usage(self, run: Run, work: ReportWork) -> PeriodUsage:
        first, last = last_period(work.period, run.order.scheduled_at.astimezone(UTC).date())
        before = last_period(work.period, first)
        return PeriodUsage(
            run.tenant,
            run.order.schedule,
            work.period,
            {by: usage_report(run.tenant, self.ledger, first, last, by) for by in TABLES},
            usage_report(run.tenant, self.ledger, *before, "day"),
        )

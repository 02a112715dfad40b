"""Exports a collection, or all of a tenant, by an export job, and copies its files to S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.contracts.base import Contract
from chalicelib.contracts.jobs import JobEnd, JobInput
from chalicelib.contracts.schedule_runs import RunCheckpoint, Watermark
from chalicelib.contracts.schedules import ExportWork
from chalicelib.errors import HeadraceError, Unsupported
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.ulids import ulid_of
from chalicelib.schedules.locations import S3Location
from functions.run_schedule.children import MIN_WAIT_SECONDS, ChildJobs, polling_seconds
from functions.run_schedule.destinations import GrantedLocations, Transfers, run_folders
from functions.run_schedule.kind import Run, RunStep

BYTES_A_STEP = 20 * 1024**3
"""A step copies no more files once it has as many bytes; the last one may exceed it."""


class ExportRunProgress(Contract):
    """Where a run is: `attempt` is that of the run which the job belongs to, `copied` its files."""

    attempt: int = 1
    copied: int = 0


@dataclass(frozen=True, slots=True)
class ExportRuns:
    """Does the work of runs that export documents."""

    children: ChildJobs
    transfers: Transfers
    locations: GrantedLocations

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        """Start the export, look whether it has ended, or copy some of its files.

        Raises:
            InvalidInput: the tenant may not write to a destination.
            NotFound: there is no such bucket.
            HeadraceError: the export failed.
        """
        work = run.work
        if not isinstance(work, ExportWork):
            raise Unsupported("This run does not export documents.", field="work.kind")
        folders = list(run_folders(run, work.results, self.locations))
        if not place.child:
            return self._launch(run, work)
        progress = ExportRunProgress.model_validate(place.state)
        child = self.children.find(run, place)
        if not child.is_open and progress.attempt != run.state.job.attempt:
            return self._resume(run, place, child)
        counts = child.job.counts
        if child.is_open:
            return RunStep(place, counts, next="wait", seconds=polling_seconds(run, child))
        if child.job.status == "cancelled":
            return RunStep(place, counts, end="cancelled")
        if child.job.status not in ("succeeded", "partial"):
            raise _failure(child)
        return self._copy(run, place, child, folders, progress)

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        """Cancel the export; what was copied stays."""
        # Also one that was begun by a step that was not recorded.
        self.children.cancel(run, place.model_copy(update={"child": _export_id(run)}))
        return None

    def _launch(self, run: Run, work: ExportWork) -> RunStep:
        child = _export_id(run)
        self.children.launch(
            JobInput(
                tenant=run.tenant,
                job_id=child,
                kind="export",
                bucket=run.bucket,
                correlation_id=run.correlation_id,
                collection=work.collection or "",
            )
        )
        state = ExportRunProgress(attempt=run.state.job.attempt).model_dump()
        place = RunCheckpoint(phase="exporting", child=child, state=state)
        return RunStep(place, run.state.job.counts, next="wait", seconds=MIN_WAIT_SECONDS)

    def _resume(self, run: Run, place: RunCheckpoint, child: JobState) -> RunStep:
        """Try the job again that did not succeed: the run itself is tried again."""
        if child.job.status != "succeeded":
            self.children.resume(child)
        state = ExportRunProgress(attempt=run.state.job.attempt).model_dump()
        place = place.model_copy(update={"phase": "exporting", "state": state})
        return RunStep(place, run.state.job.counts, next="wait", seconds=MIN_WAIT_SECONDS)

    def _copy(
        self,
        run: Run,
        place: RunCheckpoint,
        child: JobState,
        folders: list[S3Location],
        progress: ExportRunProgress,
    ) -> RunStep:
        """Copy the files of the export into each folder, some at a time; a repeat overwrites."""
        wanted = [(folder, file) for folder in folders for file in child.files]
        copied, size = progress.copied, 0
        while copied < len(wanted) and size < BYTES_A_STEP:
            folder, file = wanted[copied]
            source = S3Location(run.bucket, child.prefix + file.name)
            target = S3Location(folder.bucket, folder.key + file.name)
            self.transfers.copy(source, target, size=file.bytes)
            copied, size = copied + 1, size + file.bytes
        state = progress.model_copy(update={"copied": copied}).model_dump()
        update: dict[str, Any] = {
            "phase": "copying",
            "state": state,
            "receipt": child.job.receipt,
            "results": tuple(folder.uri for folder in folders),
        }
        if copied < len(wanted):
            return RunStep(place.model_copy(update=update), child.job.counts)
        update |= {"phase": "done", "watermark": Watermark(at=child.job.created_at)}
        if not folders:
            update["notes"] = (f"the files are results of the job {place.child} for seven days",)
        end: JobEnd = "partial" if child.job.status == "partial" else "succeeded"
        return RunStep(place.model_copy(update=update), child.job.counts, end=end)


def _export_id(run: Run) -> str:
    """Return the id of the run's export, the same in each step."""
    return ulid_of(run.state.job.created_at, f"{run.job_id}/export")


def _failure(child: JobState) -> HeadraceError:
    error = child.job.error
    reason = f"{error.type}: {error.message}" if error else f"it is {child.job.status}"
    return HeadraceError(f"The export {child.input.job_id} failed: {reason}")

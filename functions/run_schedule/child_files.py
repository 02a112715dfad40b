"""Runs whose work is one job: it is begun, waited for, and its files are copied to S3."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from chalicelib.contracts.base import Contract
from chalicelib.contracts.schedule_runs import RunCheckpoint, Watermark
from chalicelib.errors import HeadraceError
from chalicelib.jobs.ulids import ulid_of
from chalicelib.schedules.locations import S3Location
from functions.run_schedule.children import MIN_WAIT_SECONDS, ChildJobs, polling_seconds
from functions.run_schedule.destinations import GrantedLocations, Transfers, run_folders
from functions.run_schedule.kind import Run, RunStep

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import JobEnd, JobInput
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.contracts.schedule_places import Destinations
    from chalicelib.jobs.lifecycle import JobState

BYTES_A_STEP = 20 * 1024**3
"""A step copies no more files once it has as many bytes; the last one may exceed it."""


class ChildProgress(Contract):
    """Where a run is: `attempt` is that of the run which the job belongs to, `copied` its files."""

    attempt: int = 1
    copied: int = 0


@dataclass(frozen=True, slots=True)
class ChildFileRuns(ABC):
    """Does the work of runs that have one job do it; a kind says which job, and how it ends."""

    children: ChildJobs
    transfers: Transfers
    locations: GrantedLocations
    name: ClassVar[str]
    """The job's name in its id and in messages."""
    phase: ClassVar[str]

    @abstractmethod
    def order(self, run: Run) -> JobInput:
        """Return the input of the run's job, the same in each step, and write what it reads."""

    @abstractmethod
    def destinations(self, run: Run) -> Destinations:
        """Return where files of the job go; raise `Unsupported` for the work of another kind."""

    def end(self, child: JobState) -> tuple[JobEnd, tuple[str, ...]]:
        """Return how the run ends whose job succeeded, whole or in part, and what it has to say."""
        return ("partial" if child.job.status == "partial" else "succeeded"), ()

    def receipt(self, child: JobState) -> Receipt | None:
        """Return what the job cost beside its own steps."""
        return child.job.receipt

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        """Start the job, look whether it has ended, or copy some of its files.

        Raises:
            InvalidInput: the tenant may not write to a destination.
            NotFound: there is no such bucket.
            HeadraceError: the job failed.
        """
        folders = list(run_folders(run, self.destinations(run), self.locations))
        if not place.child:
            return self.begin(run)
        progress = ChildProgress.model_validate(place.state)
        child = self.children.find(run, place)
        if not child.is_open and progress.attempt != run.state.job.attempt:
            return self._resume(run, place, child)
        counts = child.job.counts
        if child.is_open:
            return RunStep(place, counts, next="wait", seconds=polling_seconds(run, child))
        if child.job.status == "cancelled":
            return RunStep(place, counts, end="cancelled")
        if child.job.status not in ("succeeded", "partial"):
            raise self._failure(child)
        return self._copy(run, place, child, folders, progress)

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        """Cancel the job; what was copied stays."""
        # Also one that was begun by a step that was not recorded.
        self.children.cancel(run, place.model_copy(update={"child": self.child_id(run)}))
        return None

    def child_id(self, run: Run) -> str:
        """Return the id of the run's job, the same in each step."""
        return ulid_of(run.state.job.created_at, f"{run.job_id}/{self.name}")

    def begin(self, run: Run) -> RunStep:
        """Start the run's job."""
        self.children.launch(self.order(run))
        state = ChildProgress(attempt=run.state.job.attempt).model_dump()
        place = RunCheckpoint(phase=self.phase, child=self.child_id(run), state=state)
        return RunStep(place, run.state.job.counts, next="wait", seconds=MIN_WAIT_SECONDS)

    def _resume(self, run: Run, place: RunCheckpoint, child: JobState) -> RunStep:
        """Try the job again that did not succeed: the run itself is tried again."""
        if child.job.status != "succeeded":
            self.children.resume(child)
        state = ChildProgress(attempt=run.state.job.attempt).model_dump()
        place = place.model_copy(update={"phase": self.phase, "state": state})
        return RunStep(place, run.state.job.counts, next="wait", seconds=MIN_WAIT_SECONDS)

    def _copy(
        self,
        run: Run,
        place: RunCheckpoint,
        child: JobState,
        folders: list[S3Location],
        progress: ChildProgress,
    ) -> RunStep:
        """Copy the job's files into each folder, some at a time; a repeat overwrites."""
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
            "receipt": self.receipt(child),
            "results": tuple(folder.uri for folder in folders),
        }
        if copied < len(wanted):
            return RunStep(place.model_copy(update=update), child.job.counts)
        end, notes = self.end(child)
        if not folders:
            notes = (f"the files are results of the job {place.child} for seven days", *notes)
        update |= {
            "phase": "done",
            "watermark": Watermark(at=child.job.created_at),
            "notes": notes,
        }
        return RunStep(place.model_copy(update=update), child.job.counts, end=end)

    def _failure(self, child: JobState) -> HeadraceError:
        error = child.job.error
        reason = f"{error.type}: {error.message}" if error else f"it is {child.job.status}"
        return HeadraceError(f"The {self.name} {child.input.job_id} failed: {reason}")

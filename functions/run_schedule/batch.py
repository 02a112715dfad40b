"""Has calls answered in a batch: those of files, or a prompt put to the documents of a selection.

selecting    documents become lines, a part in a step; files are brought together at once
joining      the parts become the input of a batch of the run's own, which is begun
estimating   its estimate is held against what may be spent, before anything is
answering    it is waited for
failing      it came to nothing, which the next step raises; a retry goes on from here
writing      its answers are brought to where the schedule wants them
done         the watermark says where the next run begins
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.contracts.jobs import JobCounts, JobEnd
from chalicelib.contracts.schedule_places import CollectionDestination
from chalicelib.contracts.schedule_runs import RunCheckpoint
from chalicelib.contracts.schedules import BatchWork
from chalicelib.errors import NotFound, QuotaExceeded, Unsupported
from chalicelib.jobs.lifecycle import ResultFile
from functions.run_schedule.answers import AnswerDelivery, shown_results
from functions.run_schedule.batch_input import BatchInputs, input_key
from functions.run_schedule.batch_job import (
    BatchProgress,
    batch_failure,
    batch_id,
    batch_input,
    batch_notes,
    check_affordable,
    estimated_dollars,
    missing_dollars,
    progress_notes,
    whole_receipt,
)
from functions.run_schedule.children import MIN_WAIT_SECONDS, ChildJobs, polling_seconds
from functions.run_schedule.destinations import run_folders
from functions.run_schedule.kind import RunStep
from functions.run_schedule.results import check_collection_takes, failed_ids, first_reason

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import BudgetReport
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.jobs.receipts import UnitCost
    from functions.run_schedule.kind import Run, RunDeps

MAX_NOTES = 20


NOTHING_NEW = "Nothing new: no call was made."


@dataclass(frozen=True, slots=True)
class BatchRuns:
    """Does the work of runs that have calls answered.

    `budgets` returns what is left of a tenant's limits, and `cost` prices what a batch used.
    """

    children: ChildJobs
    inputs: BatchInputs
    budgets: Callable[[str, datetime], BudgetReport]
    cost: UnitCost

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        """Do the next step of a run.

        Raises:
            QuotaExceeded: its batch may cost more than may be spent.
            NotFound: the prompt, its version, or the object of calls is gone.
            InvalidInput: there is too much of it, or it may not be read or written.
            HeadraceError: the batch failed, or answered nothing.
        """
        progress = BatchProgress.model_validate(place.state)
        match place.phase:
            case "":
                return self._begin(run)
            case "selecting":
                return self._select(run, place, progress)
            case "joining":
                return self._launch(run, place, progress)
            case "estimating":
                return self._estimate(run, place, progress)
            case "answering":
                return self._watch(run, place, progress)
            case "writing":
                return self._write(run, place, progress)
            case _:
                return self._again(run, place, progress)

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        """Cancel the batch, also one that was begun by a step that was not recorded."""
        self.children.cancel(run, place.model_copy(update={"child": batch_id(run)}))
        return None

    def _begin(self, run: Run) -> RunStep:
        """Check what can be before anything is done, and take the source."""
        work = _work(run)
        list(run_folders(run, work.results, self.inputs.locations))
        for each in work.results:
            if isinstance(each, CollectionDestination):
                declared = self.inputs.documents.declaration(run.tenant, each.collection)
                check_collection_takes(run, declared, each.collection)
        progress = self.inputs.begin(run, work)
        phase = "selecting" if progress.selection is not None else "joining"
        return RunStep(_at(RunCheckpoint(), phase, progress), JobCounts())

    def _select(self, run: Run, place: RunCheckpoint, progress: BatchProgress) -> RunStep:
        progress = self.inputs.select(run, _work(run), progress)
        is_done = progress.selection is not None and progress.selection.is_done
        return RunStep(_at(place, "joining" if is_done else "selecting", progress), JobCounts())

    def _launch(self, run: Run, place: RunCheckpoint, progress: BatchProgress) -> RunStep:
        """Begin the batch, if there is anything to be answered."""
        if not progress.parts:
            return self._finish(run, place, progress, JobCounts(), None)
        given = batch_input(run, _work(run))
        place = _at(place, "estimating", progress).model_copy(update={"child": given.job_id})
        if self._child(run, place) is None:
            self.inputs.join(run, progress.parts, input_key(run.tenant, given.job_id))
            self.children.launch(given)
        return RunStep(place, JobCounts(), next="wait", seconds=MIN_WAIT_SECONDS)

    def _estimate(self, run: Run, place: RunCheckpoint, progress: BatchProgress) -> RunStep:
        """Let the batch go on once its estimate is within the budgets, and cancel it if not."""
        child, attempt = self.children.find(run, place), run.state.job.attempt
        dollars, status = estimated_dollars(child), child.job.status
        if dollars is None or status not in ("paused", "cancelled"):
            progress = progress.model_copy(update={"attempt": attempt})
            phase = "estimating" if child.is_open else "answering"
            return self._wait(run, _at(place, phase, progress), child)
        report = self.budgets(run.tenant, run.now)
        try:
            check_affordable(run, dollars, report)
        except QuotaExceeded:
            self.children.cancel(run, place)
            raise
        if status == "cancelled" and attempt == progress.attempt:
            return self._watch(run, place, progress)
        self.children.resume(child)
        progress = progress.model_copy(update={"attempt": attempt})
        return self._wait(run, _at(place, "answering", progress), child)

    def _watch(self, run: Run, place: RunCheckpoint, progress: BatchProgress) -> RunStep:
        """Wait for the end of the batch, and say what it means for the run."""
        child = self.children.find(run, place)
        if child.is_open:
            return self._wait(run, place, child)
        counts, status = child.job.counts, child.job.status
        place = place.model_copy(update={"receipt": whole_receipt(child, self.cost)})
        if status == "cancelled":
            return RunStep(_at(place, "done", progress), counts, end="cancelled")
        # A batch of what failed before ends in part, so that its failures are counted.
        is_new = progress.selection is None or progress.selection.fresh > 0
        if status == "failed" or (not counts.done and is_new):
            return RunStep(_at(place, "failing", progress), counts)
        return RunStep(_at(place, "writing", progress), counts)

    def _again(self, run: Run, place: RunCheckpoint, progress: BatchProgress) -> RunStep:
        """Fail as the batch did; in a later attempt at the run, have it try again.

        What is missing is held against the budgets first, beside what was spent.
        """
        child, attempt = self.children.find(run, place), run.state.job.attempt
        if attempt == progress.attempt:
            raise batch_failure(child, first_reason(self._errors(run, child)))
        if not child.is_open:  # a step that is repeated finds it resumed
            spent = whole_receipt(child, self.cost).dollars
            report = self.budgets(run.tenant, run.now)
            check_affordable(run, missing_dollars(child), report, spent)
        self.children.resume(child)
        fresh = {"attempt": attempt, "destination": 0, "line": 0, "documents": 0}
        progress = progress.model_copy(update={**fresh, "without_text": 0})
        place = place.model_copy(update={"results": (), "notes": (), "watermark": None})
        return self._wait(run, _at(place, "answering", progress), child)

    def _write(self, run: Run, place: RunCheckpoint, progress: BatchProgress) -> RunStep:
        """Write results, a piece in a step, then end."""
        work, child = _work(run), self.children.find(run, place)
        writer = self._writer(run, work, child)
        if progress.destination < len(work.results):
            progress, shown = writer.step(progress, run.is_late)
            place = place.model_copy(update={"results": shown_results(place.results, shown)})
            return RunStep(_at(place, "writing", progress), child.job.counts)
        return self._finish(run, place, progress, child.job.counts, child)

    def _finish(
        self,
        run: Run,
        place: RunCheckpoint,
        progress: BatchProgress,
        counts: JobCounts,
        child: JobState | None,
    ) -> RunStep:
        """Write the watermark and the summary, and end."""
        work = _work(run)
        failures = set() if child is None else failed_ids(self._errors(run, child))
        notes = [
            *(() if child else (NOTHING_NEW,)),
            *self.inputs.notes(run, progress, failures),
            *progress_notes(progress),
            *(batch_notes(child) if child else ()),
        ]
        watermark = self.inputs.watermark(run, work, progress, failures)
        place = _at(place, "done", progress).model_copy(
            update={"notes": tuple(notes[:MAX_NOTES]), "watermark": watermark}
        )
        end: JobEnd = "succeeded" if counts.done == counts.total else "partial"
        summary = _summary(run, place, counts, end)
        self.inputs.objects.write(run.bucket, run.prefix + storage.SUMMARY, summary, {})
        if child is not None:
            self._writer(run, work, child).write_summaries(summary)
        files = (ResultFile(storage.SUMMARY, len(summary)),)
        return RunStep(place, counts, end=end, files=files)

    def _wait(self, run: Run, place: RunCheckpoint, child: JobState) -> RunStep:
        counts = child.job.counts if child.is_open else run.state.job.counts
        return RunStep(place, counts, next="wait", seconds=polling_seconds(run, child))

    def _child(self, run: Run, place: RunCheckpoint) -> JobState | None:
        try:
            return self.children.find(run, place)
        except NotFound:
            return None

    def _errors(self, run: Run, child: JobState) -> Iterator[bytes]:
        """Yield the file of the items without an answer; a batch that failed may have none."""
        try:
            yield from self.inputs.objects.stream(run.bucket, child.prefix + storage.ERRORS)
        except NotFound:
            return

    def _writer(self, run: Run, work: BatchWork, child: JobState) -> AnswerDelivery:
        inputs = self.inputs
        return AnswerDelivery(
            run=run,
            work=work,
            child=child,
            objects=inputs.objects,
            transfers=inputs.transfers,
            locations=inputs.locations,
            documents=inputs.documents,
        )


def batch_runs(deps: RunDeps) -> BatchRuns:
    """Return what does the work of runs that have calls answered."""
    inputs = BatchInputs(
        objects=deps.objects,
        documents=deps.documents,
        transfers=deps.transfers,
        locations=deps.locations,
        look_up=deps.look_up,
        search=deps.search,
    )
    return BatchRuns(deps.children, inputs, deps.budgets, deps.cost)


def _work(run: Run) -> BatchWork:
    if not isinstance(run.work, BatchWork):
        raise Unsupported("This run has no calls answered.", field="work.kind")
    return run.work


def _at(place: RunCheckpoint, phase: str, progress: BatchProgress) -> RunCheckpoint:
    state = progress.model_dump(mode="json")
    return place.model_copy(update={"phase": phase, "state": state})


def _summary(run: Run, place: RunCheckpoint, counts: JobCounts, end: JobEnd) -> bytes:
    """Return the summary of a run, the same each time."""
    watermark = place.watermark
    summary = {
        "schedule": run.order.schedule,
        "run_id": run.job_id,
        "scheduled_at": run.order.scheduled_at.isoformat(),
        "status": end,
        "counts": counts.model_dump(mode="json"),
        "job_id": place.child,
        "receipt": place.receipt.model_dump(mode="json") if place.receipt else None,
        "results": place.results,
        "notes": place.notes,
        "watermark": watermark.at.isoformat() if watermark and watermark.at else None,
    }
    return json.dumps(summary, indent=2, ensure_ascii=False).encode() + b"\n"

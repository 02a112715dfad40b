"""One step of a run of a schedule, done by the class of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.contracts.schedule_runs import RunCheckpoint
from chalicelib.contracts.schedules import WORK
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.run_schedule.batch import batch_runs
from functions.run_schedule.evaluation import EvaluationRuns
from functions.run_schedule.export import ExportRuns
from functions.run_schedule.extraction import ExtractionRuns
from functions.run_schedule.given_baselines import GivenBaselines
from functions.run_schedule.judge_jobs import JudgingJobs
from functions.run_schedule.kind import Run, RunDeps, RunKind
from functions.run_schedule.report import ReportRuns
from functions.run_schedule.sync import SyncRuns
from functions.run_schedule.watch import WatchRuns

KINDS: Mapping[str, Callable[[RunDeps], RunKind]] = {
    "batch": batch_runs,
    "sync": lambda deps: SyncRuns(
        deps.transfers,
        deps.objects,
        deps.documents,
        deps.children,
        deps.locations,
        deps.max_file_bytes,
    ),
    "export": lambda deps: ExportRuns(deps.children, deps.transfers, deps.locations),
    "evaluation": lambda deps: EvaluationRuns(
        deps.children, deps.transfers, deps.locations, deps.objects, deps.look_up, deps.cost
    ),
    "extraction": lambda deps: ExtractionRuns(
        deps.children,
        deps.transfers,
        deps.locations,
        deps.objects,
        deps.documents,
        deps.extractors,
        deps.extractions,
    ),
    "report": lambda deps: ReportRuns(deps.ledger, deps.objects, deps.transfers, deps.locations),
    "watch": lambda deps: WatchRuns(
        deps.watching(),
        deps.objects,
        deps.transfers,
        deps.locations,
        JudgingJobs(deps.children, deps.objects, deps.cost),
        GivenBaselines(deps.objects, deps.transfers, deps.locations),
    ),
}
"""The kinds of work. Another one is a class of `chalicelib.contracts.schedules`, a module here and
a row of this table."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`: those of the step, and those of the kinds."""

    desk: StepContext
    runs: RunDeps
    kinds: Mapping[str, Callable[[RunDeps], RunKind]]


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do one step.

    Raises:
        Transient, Throttled: a service did not answer; the step may be repeated.
        HeadraceError: the run has failed.
    """
    step = _Step(deps, deps.desk.started())
    return run_step(request, step.desk, step.work, step.clean)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    desk: StepContext

    def work(self, state: JobState) -> StepOutcome:
        """Do what the run's checkpoint says comes next."""
        run = self._run(state)
        step = self._kind(run).step(run, read_place(state))
        return StepOutcome(
            checkpoint=step.checkpoint,
            counts=step.counts,
            phase=step.checkpoint.phase,
            next=step.next,
            seconds=step.seconds,
            end=step.end,
            files=step.files,
        )

    def clean(self, state: JobState) -> int | None:
        """Clean up after a run that was cancelled."""
        run = self._run(state)
        return self._kind(run).cancel(run, read_place(state))

    def _run(self, state: JobState) -> Run:
        order = state.input.run
        if order is None:
            raise InvalidInput("A run of a schedule says what it is to do.", field="run")
        work = WORK.validate_python(order.work)
        return Run(order, work, state, self.desk.now(), lambda: self.desk.is_late)

    def _kind(self, run: Run) -> RunKind:
        if run.work.kind not in self.deps.kinds:
            raise Unsupported(f"Work of kind {run.work.kind} cannot be run.", field="work.kind")
        return self.deps.kinds[run.work.kind](self.deps.runs)


def read_place(state: JobState) -> RunCheckpoint:
    """Return where a run is; that of its first step is empty."""
    if not state.checkpoint:
        return RunCheckpoint()
    return RunCheckpoint.model_validate_json(state.checkpoint)

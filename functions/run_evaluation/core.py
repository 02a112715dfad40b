"""The steps of an evaluation beside its children: it is prepared, counted, and its results written.

What may be spent is known, and what cannot be compared is refused, before anything is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chalicelib.batches import storage
from chalicelib.batches.checkpoint import keep_all
from chalicelib.batches.receipts import add_children
from chalicelib.batches.rounds import items_per_child, may_pass, next_round
from chalicelib.contracts.batches import BatchEstimate
from chalicelib.contracts.evaluations.jobs import (
    EvaluationCheckpoint,
    EvaluationInput,
    EvaluationItem,
)
from chalicelib.contracts.jobs import JobCounts, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import HeadraceError
from chalicelib.evaluation.gate import baseline_scores
from chalicelib.evaluation.storage import read_input, suite_items
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.run_evaluation.case_results import CaseResults
from functions.run_evaluation.reduction import Reduction, evaluation_order, read_baseline
from functions.run_evaluation.verdicts import VerdictRecords


class SuiteEstimator(Protocol):
    """Says what a suite may cost."""

    def __call__(self, tenant: str, given: EvaluationInput) -> BatchEstimate:
        """Return the most that a run uses and costs; raise `InvalidInput`."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `concurrency` is how many children run at once."""

    desk: StepContext
    objects: storage.ItemObjects
    estimate: SuiteEstimator
    verdicts: VerdictRecords
    concurrency: int
    log: Callable[[HeadraceError], None]

    @property
    def reduction(self) -> Reduction:
        """Return what ends evaluations."""
        return Reduction(self.objects, self.verdicts, self.desk.now, self.log)


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do the step.

    Raises:
        InvalidInput: the suite cannot be run, or not be compared with its baseline.
        NotFound: the baseline has no results.
        Transient, Throttled: a service did not answer; the step may be repeated.
        HeadraceError: the children failed, in a way that a retry does not fix.
    """
    step = _Step(deps, request)
    return run_step(request, deps.desk.started(), step.work, keep_all)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    request: StepRequest

    def work(self, state: JobState) -> StepOutcome:
        """Do the work of the job's current phase."""
        if not state.checkpoint:
            return self._prepare(state)
        place = EvaluationCheckpoint.model_validate_json(state.checkpoint)
        used = add_children(place.used, self.request.children)
        place = place.model_copy(update={"used": used})
        if place.phase == "estimated":
            return self._begin(state, place)
        if place.phase == "done":
            place = place.model_copy(update={"phase": "answering", "epoch": place.epoch + 1})
        if place.phase == "reducing":
            return self.deps.reduction.end(state, place, self._input(state))
        return self._reconcile(state, place)

    def _prepare(self, state: JobState) -> StepOutcome:
        given = self._input(state)
        order = evaluation_order(state)
        if order.baseline:
            names = [each.name for each in given.suite.targets]
            baseline_scores(given.suite, read_baseline(self.deps.objects, state), names)
        estimate = self.deps.estimate(state.input.tenant, given)
        items = list(suite_items(given.suite))
        key = state.prefix + storage.ITEMS
        self.deps.objects.write(state.input.bucket, key, dump_lines(items), {})
        place = EvaluationCheckpoint(
            items=len(items),
            answers=given.suite.answers,
            missing=len(items),
            key=key,
            estimate=estimate,
        )
        if order.confirm:
            place = place.model_copy(update={"phase": "estimated"})
            return StepOutcome(place, JobCounts(total=len(items)), "estimated", paused=True)
        return self._begin(state, place)

    def _begin(self, state: JobState, place: EvaluationCheckpoint) -> StepOutcome:
        place = place.model_copy(update={"phase": "answering"})
        return self._round(place, JobCounts(total=place.items), 0)

    def _round(self, place: EvaluationCheckpoint, counts: JobCounts, seconds: int) -> StepOutcome:
        return StepOutcome(
            place,
            counts,
            "answering",
            next="generate",
            key=place.key,
            seconds=seconds,
            items_a_child=items_per_child(place.missing, self.deps.concurrency),
            epoch=place.epoch,
        )

    def _reconcile(self, state: JobState, place: EvaluationCheckpoint) -> StepOutcome:
        """Find the items without an outcome, and have them run in another round, or go on."""
        found = CaseResults(self.deps.objects, state, place).statuses()
        missing = [item for item, status in found if status == "missing"]
        counts = JobCounts(
            total=place.items,
            done=sum(status == "done" for _, status in found),
            failed=sum(status == "failed" for _, status in found),
        )
        was_asked = self.request.children.children > 0
        after = next_round(place.missing, len(missing), place.idle)
        if missing and (not was_asked or after.another):
            self._demand_children(place, missing)
            return self._another(state, place, missing, counts, after.seconds if was_asked else 0)
        place = place.model_copy(update={"phase": "reducing", "missing": len(missing)})
        return StepOutcome(place, counts, "reducing", next="more")

    def _another(
        self,
        state: JobState,
        place: EvaluationCheckpoint,
        missing: list[EvaluationItem],
        counts: JobCounts,
        seconds: int,
    ) -> StepOutcome:
        key = state.prefix + storage.round_file(state.job.attempt, place.round + 1)
        self.deps.objects.write(state.input.bucket, key, dump_lines(missing), {})
        after = next_round(place.missing, len(missing), place.idle)
        place = place.model_copy(
            update={
                "phase": "answering",
                "key": key,
                "round": place.round + 1,
                "missing": len(missing),
                "idle": after.idle if self.request.children.children else 0,
            }
        )
        return self._round(place, counts, seconds)

    def _demand_children(self, place: EvaluationCheckpoint, missing: list[EvaluationItem]) -> None:
        """Raise if children failed in a way that another round would only repeat."""
        error = self.request.error
        if error is None or len(missing) < place.missing or may_pass(error):
            return
        raise HeadraceError(f"Cases could not be run: {error.type}: {error.message}")

    def _input(self, state: JobState) -> EvaluationInput:
        return read_input(self.deps.objects, state.input.bucket, state.prefix)

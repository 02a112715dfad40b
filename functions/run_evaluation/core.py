"""The steps of an evaluation beside its children: it is prepared, counted, and its results written.

What may be spent is known, and what cannot be compared is refused, before anything is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches import storage
from chalicelib.batches.receipts import ReceiptSum, add_children
from chalicelib.batches.rounds import (
    ItemStatus,
    item_statuses,
    items_per_child,
    may_pass,
    next_round,
)
from chalicelib.contracts.batches import BatchEstimate, ItemError
from chalicelib.contracts.evaluations.jobs import (
    EvaluationCheckpoint,
    EvaluationInput,
    EvaluationItem,
    TargetScore,
)
from chalicelib.contracts.evaluations.results import (
    CaseResult,
    EvaluationResult,
    GateVerdict,
    TargetOutcome,
)
from chalicelib.contracts.jobs import JobCounts, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import Conflict, HeadraceError, InvalidInput, NotFound
from chalicelib.evaluation.gate import baseline_scores
from chalicelib.evaluation.storage import (
    read_input,
    read_items,
    read_results,
    suite_items,
    waiting_file,
)
from chalicelib.evaluation.summary import against_baseline, against_scores, summarize
from chalicelib.evaluation.targets import describe_target
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.run_evaluation.results import write_results
from functions.run_evaluation.verdicts import VerdictRecords, labelled_scores, record_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.contracts.evaluations.orders import EvaluationOrder
    from chalicelib.jobs.lifecycle import JobState

READS_AT_ONCE = 16
NOT_ANSWERED = ItemError(
    type="Throttled",
    message="No model had room for it, in several rounds; retry the job a little later.",
)


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


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do the step.

    Raises:
        InvalidInput: the suite cannot be run, or not be compared with its baseline.
        NotFound: the baseline has no results.
        Transient, Throttled: a service did not answer; the step may be repeated.
        HeadraceError: the children failed, in a way that a retry does not fix.
    """
    step = _Step(deps, request)
    return run_step(request, deps.desk.started(), step.work, _keep_all)


def _keep_all(state: JobState) -> None:
    """Clean up nothing after a cancellation: what was paid for is kept."""


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
            return self._reduce(state, place)
        return self._reconcile(state, place)

    def _prepare(self, state: JobState) -> StepOutcome:
        given = self._input(state)
        order = evaluation_order(state)
        if order.baseline:
            names = [each.name for each in given.suite.targets]
            baseline_scores(given.suite, self._baseline(state, order), names)
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
        found = list(self._statuses(state, place))
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

    def _reduce(self, state: JobState, place: EvaluationCheckpoint) -> StepOutcome:
        """Write the results and end."""
        given, order = self._input(state), evaluation_order(state)
        statuses = list(self._statuses(state, place))
        with ThreadPoolExecutor(READS_AT_ONCE) as pool:
            cases = list(
                pool.map(lambda each: self._case_result(state, given, place, *each), statuses)
            )
        pinned = {each.target: each for each in given.pinned}
        result = summarize(
            given.suite,
            cases,
            evaluation_id=state.input.job_id,
            created_at=state.job.created_at,
            identities={each.name: describe_target(each, pinned) for each in given.suite.targets},
        )
        tenant = state.input.tenant
        earlier = labelled_scores(self.deps.verdicts, tenant, given)
        if order.baseline:
            result = self._compared(state, order, given, result)
        elif earlier:
            result = against_scores(given.suite, result, earlier)
        whole = ReceiptSum()
        for case in cases:
            whole.add(case.receipt)
        result = result.model_copy(update={"receipt": whole.whole()})
        counts = JobCounts(
            total=place.items,
            done=sum(status == "done" for _, status in statuses),
            failed=sum(status != "done" for _, status in statuses),
        )
        files = write_results(self.deps.objects, state, result, counts)
        record_verdicts(self.deps.verdicts, tenant, given, result, earlier, self.deps.desk.now())
        place = place.model_copy(
            update={
                "phase": "done",
                "verdict": result.gate.model_copy(update={"comparisons": ()}),
                "targets": tuple(
                    TargetScore(
                        target=each.target,
                        identity=each.identity,
                        score=each.score,
                        pass_rate=each.pass_rate,
                    )
                    for each in result.targets
                ),
                "receipt": result.receipt,
                "asked": result.asked,
                "cached": result.cached,
            }
        )
        return StepOutcome(
            place,
            counts,
            "done",
            end="partial" if counts.failed else "succeeded",
            files=files,
            summary=state.prefix + storage.SUMMARY,
        )

    def _compared(
        self,
        state: JobState,
        order: EvaluationOrder,
        given: EvaluationInput,
        result: EvaluationResult,
    ) -> EvaluationResult:
        """Return the result held against its baseline; what cannot be compared did not pass."""
        try:
            return against_baseline(given.suite, result, self._baseline(state, order))
        except (InvalidInput, NotFound) as error:
            self.deps.log(error)
            reasons = (*result.gate.reasons, error.message)
            gate = GateVerdict(passed=False, reasons=reasons, baseline=order.baseline)
            return result.model_copy(update={"gate": gate})

    def _case_result(
        self,
        state: JobState,
        given: EvaluationInput,
        place: EvaluationCheckpoint,
        item: EvaluationItem,
        status: ItemStatus,
    ) -> CaseResult:
        name = {
            "done": storage.OUTCOMES + storage.item_file(item.n),
            "failed": storage.failures_prefix(place.epoch) + storage.item_file(item.n),
            "missing": waiting_file(item.n),
        }[status]
        try:
            body = self.deps.objects.read(state.input.bucket, state.prefix + name)
        except NotFound:
            if status != "missing":
                raise
            return _never_run(given, item)
        return CaseResult.model_validate_json(body)

    def _statuses(
        self, state: JobState, place: EvaluationCheckpoint
    ) -> Iterator[tuple[EvaluationItem, ItemStatus]]:
        items = read_items(self.deps.objects, state.input.bucket, state.prefix, place.items)
        done = self._numbers(state, storage.OUTCOMES)
        failed = self._numbers(state, storage.failures_prefix(place.epoch))
        return item_statuses(items, done, failed)

    def _numbers(self, state: JobState, folder: str) -> Iterator[int]:
        keys = self.deps.objects.keys(state.input.bucket, state.prefix + folder)
        return map(storage.item_number, keys)

    def _input(self, state: JobState) -> EvaluationInput:
        return read_input(self.deps.objects, state.input.bucket, state.prefix)

    def _baseline(self, state: JobState, order: EvaluationOrder) -> EvaluationResult:
        job = state.input
        return read_results(self.deps.objects, job.bucket, job.tenant, order.baseline)


def evaluation_order(state: JobState) -> EvaluationOrder:
    """Return the order of an evaluation; raise `Conflict` if the job is none."""
    if state.input.evaluation is None:
        raise Conflict(f"{state.input.job_id} is no evaluation.", field="kind")
    return state.input.evaluation


def _never_run(given: EvaluationInput, item: EvaluationItem) -> CaseResult:
    return CaseResult(
        case=given.suite.cases[item.case].id,
        repeat=item.repeat,
        outcomes=tuple(
            TargetOutcome(target=target.name, status="not_run", error=NOT_ANSWERED)
            for target in given.suite.targets
        ),
    )

"""The last step of an evaluation: results are summed up, judged, written, and kept as verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.batches.receipts import ReceiptSum
from chalicelib.contracts.evaluations.jobs import EvaluationCheckpoint, TargetScore
from chalicelib.contracts.evaluations.results import EvaluationResult, GateVerdict
from chalicelib.contracts.jobs import JobCounts
from chalicelib.errors import Conflict, HeadraceError, InvalidInput, NotFound
from chalicelib.evaluation.storage import read_results
from chalicelib.evaluation.summary import against_baseline, against_scores, summarize
from chalicelib.evaluation.targets import describe_target
from chalicelib.jobs.steps import StepOutcome
from functions.run_evaluation.case_results import CaseResults
from functions.run_evaluation.results import write_results
from functions.run_evaluation.verdicts import VerdictRecords, labelled_scores, record_verdicts

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.jobs import EvaluationInput
    from chalicelib.contracts.evaluations.orders import EvaluationOrder
    from chalicelib.contracts.evaluations.results import CaseResult
    from chalicelib.evaluation.comparisons import EarlierScores
    from chalicelib.jobs.lifecycle import JobState


@dataclass(frozen=True, slots=True)
class Reduction:
    """Ends evaluations; each of its writes may be repeated."""

    objects: storage.ItemObjects
    verdicts: VerdictRecords
    now: Callable[[], datetime]
    log: Callable[[HeadraceError], None]

    def end(
        self, state: JobState, place: EvaluationCheckpoint, given: EvaluationInput
    ) -> StepOutcome:
        """Write the results, and return how the evaluation ended."""
        found = CaseResults(self.objects, state, place)
        statuses = found.statuses()
        cases = found.read(given, statuses)
        earlier = labelled_scores(self.verdicts, state.input.tenant, given)
        result = self._result(state, given, cases, earlier)
        done = sum(status == "done" for _, status in statuses)
        counts = JobCounts(total=place.items, done=done, failed=len(statuses) - done)
        files = write_results(self.objects, state, result, counts)
        record_verdicts(self.verdicts, state.input.tenant, given, result, earlier, self.now())
        return StepOutcome(
            _ended(place, result),
            counts,
            "done",
            end="partial" if counts.failed else "succeeded",
            files=files,
            summary=state.prefix + storage.SUMMARY,
        )

    def _result(
        self,
        state: JobState,
        given: EvaluationInput,
        cases: list[CaseResult],
        earlier: Mapping[str, EarlierScores],
    ) -> EvaluationResult:
        pinned = {each.target: each for each in given.pinned}
        result = summarize(
            given.suite,
            cases,
            evaluation_id=state.input.job_id,
            created_at=state.job.created_at,
            identities={each.name: describe_target(each, pinned) for each in given.suite.targets},
        )
        order = evaluation_order(state)
        if order.baseline:
            result = self._compared(state, order, given, result)
        elif earlier:
            result = against_scores(given.suite, result, earlier)
        whole = ReceiptSum()
        for case in cases:
            whole.add(case.receipt)
        return result.model_copy(update={"receipt": whole.whole()})

    def _compared(
        self,
        state: JobState,
        order: EvaluationOrder,
        given: EvaluationInput,
        result: EvaluationResult,
    ) -> EvaluationResult:
        """Return the result held against its baseline; what cannot be compared did not pass."""
        try:
            return against_baseline(given.suite, result, read_baseline(self.objects, state))
        except (InvalidInput, NotFound) as error:
            self.log(error)
            reasons = (*result.gate.reasons, error.message)
            gate = GateVerdict(passed=False, reasons=reasons, baseline=order.baseline)
            return result.model_copy(update={"gate": gate})


def evaluation_order(state: JobState) -> EvaluationOrder:
    """Return the order of an evaluation; raise `Conflict` if the job is none."""
    if state.input.evaluation is None:
        raise Conflict(f"{state.input.job_id} is no evaluation.", field="kind")
    return state.input.evaluation


def read_baseline(objects: storage.ItemObjects, state: JobState) -> EvaluationResult:
    """Return the results that an evaluation is held against; raise `NotFound`."""
    job = state.input
    return read_results(objects, job.bucket, job.tenant, evaluation_order(state).baseline)


def _ended(place: EvaluationCheckpoint, result: EvaluationResult) -> EvaluationCheckpoint:
    return place.model_copy(
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

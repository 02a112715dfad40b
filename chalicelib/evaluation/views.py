"""Evaluations as the API shows them, of the records of their jobs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.batches.receipts import batch_lines
from chalicelib.contracts.evaluations.jobs import EvaluationCheckpoint, EvaluationView
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import NotFound
from chalicelib.jobs.receipts import job_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.contracts.jobs import Job, JobResult
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.jobs.receipts import UnitCost


def evaluation_view(
    state: JobState, cost: UnitCost, results: Sequence[JobResult] = ()
) -> EvaluationView:
    """Return an evaluation; raise `NotFound` for a job of another kind."""
    order, job = state.input.evaluation, state.job
    if order is None:
        raise NotFound(f"There is no evaluation {job.job_id}.", field="evaluation_id")
    place = _checkpoint(state)
    return EvaluationView(
        evaluation_id=job.job_id,
        suite=order.suite,
        suite_sha256=order.sha256,
        status=job.status,
        phase=job.phase,
        counts=job.counts,
        created_at=job.created_at,
        updated_at=job.updated_at,
        baseline=order.baseline or None,
        budget=order.budget,
        estimate=place.estimate,
        passed=None if place.verdict is None else place.verdict.passed,
        verdict=place.verdict,
        targets=place.targets,
        asked=place.asked,
        cached=place.cached,
        receipt=_receipt(state, cost),
        results=tuple(results),
        results_until=job.results_until,
        error=job.error,
    )


def describe_evaluation(job: Job, state: JobState, cost: UnitCost) -> Job:
    """Return the job of an evaluation with its estimate, its whole receipt and its reasons."""
    place = _checkpoint(state)
    verdict = place.verdict
    notes = () if verdict is None else (_passed(verdict.passed), *verdict.reasons)
    return job.model_copy(
        update={"estimate": place.estimate, "receipt": _receipt(state, cost), "notes": notes}
    )


def _passed(passed: bool) -> str:
    return "The gate passed." if passed else "The gate did not pass."


def _checkpoint(state: JobState) -> EvaluationCheckpoint:
    if not state.checkpoint:
        return EvaluationCheckpoint()
    return EvaluationCheckpoint.model_validate_json(state.checkpoint)


def _receipt(state: JobState, cost: UnitCost) -> Receipt:
    """Return what models and judges cost, then the children, then the steps."""
    lines = batch_lines(_checkpoint(state), cost)
    return Receipt.of((*lines, *job_receipt(state, cost).lines))

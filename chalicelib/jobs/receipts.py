"""The receipt of a job: the time of its functions, and the transitions of its state machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars
from chalicelib.generation.catalogue import LAMBDA, S3_VECTORS, STEP_FUNCTIONS

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import Job
    from chalicelib.jobs.lifecycle import JobState

_GIGABYTE = 1024**3

UnitCost = Callable[[str, float], int]
"""Returns the cost of a quantity of a unit, in nano-dollars."""


def job_receipt(state: JobState, cost: UnitCost) -> Receipt:
    """Return the receipt of a job, without requests to S3 and DynamoDB."""
    used = state.used
    gb_seconds = used.megabyte_milliseconds / 1024 / 1000
    billed = cost("lambda.gb_second.arm64", gb_seconds) + cost("lambda.request", used.requests)
    put = ReceiptLine(
        model=S3_VECTORS,
        priced_as=S3_VECTORS,
        role="indexing",
        dollars=dollars(cost("s3vectors.put.gb", used.put_bytes / _GIGABYTE)),
    )
    return Receipt.of(
        (
            ReceiptLine(
                model=LAMBDA,
                priced_as=LAMBDA,
                role=state.job.kind,
                seconds=used.milliseconds / 1000,
                dollars=dollars(billed),
            ),
            *([put] if used.put_bytes else []),
            ReceiptLine(
                model=STEP_FUNCTIONS,
                priced_as=STEP_FUNCTIONS,
                role="orchestration",
                transitions=used.transitions,
                dollars=dollars(cost("stepfunctions.standard.transition", used.transitions)),
            ),
        )
    )


def describe_run(job: Job, checkpoint: str) -> Job:
    """Return the job of a schedule's run with what the run has cost and has to say.

    The receipt of `job` is that of its steps; that of the job which did its work is added.
    """
    # Functions of ingest price by this module, and know no runs.
    from chalicelib.contracts.schedule_runs import RunCheckpoint

    if not checkpoint:
        return job
    place = RunCheckpoint.model_validate_json(checkpoint)
    steps = job.receipt.lines if job.receipt is not None else ()
    work = place.receipt.lines if place.receipt is not None else ()
    return job.model_copy(update={"receipt": Receipt.of((*work, *steps)), "notes": place.notes})

"""The batch that a run has its calls answered by: its order, its estimate and its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import chalicelib.errors
from chalicelib.batches.checkpoint import read_checkpoint
from chalicelib.batches.receipts import batch_lines
from chalicelib.contracts.base import Contract
from chalicelib.contracts.batches import BatchOrder
from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled, Transient
from chalicelib.jobs.receipts import job_receipt
from chalicelib.jobs.ulids import ulid_of
from functions.run_schedule.files import FilesProgress
from functions.run_schedule.prompt_use import PinnedUse
from functions.run_schedule.selection import SelectionProgress

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import BudgetReport
    from chalicelib.contracts.schedules import BatchWork
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.jobs.receipts import UnitCost
    from functions.run_schedule.kind import Run


_NANODOLLAR = Decimal("1e-9")


class BatchProgress(Contract):
    """The state that a run keeps between its steps.

    Attributes:
        attempt: The attempt at the run that began or resumed the batch.
        destination: How many of the places where results go are done.
        line: How many answers were brought to the next of them.
        documents: How many documents were written.
        without_text: How many answers hold no text, such as pictures.
    """

    prompt: PinnedUse | None = None
    selection: SelectionProgress | None = None
    files: FilesProgress | None = None
    attempt: int = 1
    destination: int = 0
    line: int = 0
    documents: int = 0
    without_text: int = 0

    @property
    def parts(self) -> int:
        """Return how many parts the input has."""
        if self.selection is not None:
            return self.selection.parts
        return 1 if self.files is not None and self.files.files else 0


def batch_id(run: Run) -> str:
    """Return the id of the run's batch, the same in each step."""
    return ulid_of(run.state.job.created_at, f"{run.job_id}/batch")


def batch_input(run: Run, work: BatchWork) -> JobInput:
    """Return the order of the run's batch, which waits with its estimate for the run."""
    order = BatchOrder(
        model=work.model,
        quality=work.quality,
        service_tier=work.service_tier,
        checks=work.checks,
        fallback=work.fallback,
        deadline=run.now + timedelta(seconds=work.deadline_seconds),
        confirm=True,
        keep_truncated=work.keep_truncated,
        key=run.order.key,
    )
    return JobInput(
        tenant=run.tenant,
        job_id=batch_id(run),
        kind="batch",
        bucket=run.bucket,
        correlation_id=run.correlation_id,
        model=work.model,
        order=order,
    )


def estimated_dollars(child: JobState) -> Decimal | None:
    """Return the most that a batch costs, None until it waits with its estimate."""
    place = read_checkpoint(child)
    if place is None or place.phase != "estimated" or place.estimate is None:
        return None
    return place.estimate.dollars


def missing_dollars(child: JobState) -> Decimal:
    """Return what the items without an answer may cost: their share of the batch's estimate."""
    place, counts = read_checkpoint(child), child.job.counts
    if place is None or place.estimate is None:
        return Decimal(0)
    share = Decimal(counts.total - counts.done) / counts.total if counts.total else Decimal(1)
    return (place.estimate.dollars * share).quantize(_NANODOLLAR).normalize()


def check_affordable(
    run: Run, dollars: Decimal, report: BudgetReport, spent: Decimal = Decimal(0)
) -> None:
    """Raise `QuotaExceeded` if an estimate is above the run's budget, or what is left of others.

    The run's budget also has to hold what earlier attempts have `spent`. The message names the
    sums, and what can be done.
    """
    budget = run.order.budget
    if budget is not None and spent + dollars > budget:
        before = f" after the ${spent.normalize():f} that it has spent" if spent else ""
        raise QuotaExceeded(
            f"The run may cost ${dollars:f} by its estimate{before}, and the schedule's budget is"
            f" ${budget:f} a run: raise it, or select less.",
            field="budget",
            limit=f"{budget:f}",
        )
    for limit in report.dollars:
        is_ours = limit.scope == "tenant" or (limit.scope, limit.name) == ("key", run.order.key)
        if is_ours and dollars > limit.left:
            raise QuotaExceeded(
                f"The run may cost ${dollars:f} by its estimate, and ${limit.left:f} is left of"
                f" the {limit.scope}'s ${limit.limit:f} of the {limit.period} until"
                f" {limit.resets_at:%Y-%m-%dT%H:%MZ}: raise that limit, or select less.",
                field="budget",
                limit=f"{limit.limit:f}",
            )


def whole_receipt(child: JobState, cost: UnitCost) -> Receipt:
    """Return what a batch has cost: its models, its children and its steps."""
    place = read_checkpoint(child)
    lines = () if place is None else batch_lines(place, cost)
    return Receipt.of((*lines, *job_receipt(child, cost).lines))


def batch_notes(child: JobState) -> tuple[str, ...]:
    """Return how many items have no answer, and how the cost compares with the estimate."""
    place, counts = read_checkpoint(child), child.job.counts
    words = () if place is None else place.words
    if counts.done == counts.total:
        return words
    missing = f"{counts.total - counts.done} of {counts.total} without an answer"
    return (f"{missing}: errors.jsonl of the job {child.job.job_id} says why.", *words)


def batch_failure(child: JobState, reason: str) -> HeadraceError:
    """Return the error that a run fails by whose batch failed, or answered none of its items.

    `reason` is the error of the first item. It has the type of the error behind it, unless a repeat
    of the step could seem to mend it.
    """
    error = child.job.error
    if child.job.status == "failed" and error is not None:
        message = f"The batch {child.job.job_id} failed: {error.message}"
        return _typed(error.type)(message, field="work")
    counts = child.job.counts
    kind, _, _ = reason.partition(":")
    end = "expired, and " if child.job.status == "expired" else ""
    return _typed(kind)(
        f"The batch {child.job.job_id} {end}answered none of its {counts.total} items. The first:"
        f" {reason or 'no reason is known'}",
        field="work",
    )


def _typed(name: str) -> type[HeadraceError]:
    found = getattr(chalicelib.errors, name, HeadraceError)
    if not isinstance(found, type) or not issubclass(found, HeadraceError):
        return HeadraceError
    return HeadraceError if issubclass(found, Throttled | Transient) else found


def progress_notes(progress: BatchProgress) -> Iterator[str]:
    """Yield what a reader should know of answers that became no documents."""
    if progress.without_text:
        answers = "answer holds" if progress.without_text == 1 else "answers hold"
        yield f"{progress.without_text} {answers} no text, and became no document."

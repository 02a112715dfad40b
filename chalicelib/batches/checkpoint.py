"""The checkpoint of a batch: its order, items and counts, and how the API describes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.batches.receipts import batch_lines
from chalicelib.contracts.batches import BatchCheckpoint, BatchEstimate, ItemRef
from chalicelib.contracts.jobs import Job, JobCounts, JobInput
from chalicelib.contracts.jsonl import read_lines
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.batches.input_reader import InputReader
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.batches import BatchOrder, RoundsCheckpoint
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.jobs.receipts import UnitCost


def batch_order(given: JobInput) -> BatchOrder:
    """Return the order of the batch; raise `Conflict` if the job is not a batch."""
    if given.order is None:
        raise Conflict(f"{given.job_id} is no batch.", field="kind")
    return given.order


def is_past_deadline(order: BatchOrder, now: datetime) -> bool:
    """Tell whether the deadline has passed, so that no more calls are made."""
    return now >= order.deadline


def read_checkpoint(state: JobState) -> BatchCheckpoint | None:
    """Return the checkpoint of a batch, None before it was prepared."""
    return BatchCheckpoint.model_validate_json(state.checkpoint) if state.checkpoint else None


def first_checkpoint(
    reader: InputReader, estimate: BatchEstimate, state: JobState
) -> BatchCheckpoint:
    """Return the checkpoint of a batch whose input was read."""
    return BatchCheckpoint(
        form=reader.form or "own",
        items=reader.items,
        rejected=reader.rejected,
        missing=reader.items,
        key=state.prefix + storage.ITEMS,
        estimate=estimate,
        prompts=reader.pinned,
    )


def initial_counts(checkpoint: BatchCheckpoint) -> JobCounts:
    """Return the counts of a batch none of whose items is answered yet."""
    return JobCounts(total=checkpoint.items + checkpoint.rejected, failed=checkpoint.rejected)


def read_refs(
    state: JobState, checkpoint: BatchCheckpoint, objects: ItemObjects
) -> Iterator[ItemRef]:
    """Yield the items of a batch in order, with one piece of their file in memory at a time."""
    pieces = objects.stream(state.input.bucket, state.prefix + storage.ITEMS)
    return read_lines(pieces, ItemRef, checkpoint.items)


def keep_all(state: JobState) -> None:
    """Clean up nothing after a cancelled job.

    Its outcomes were paid for and stay readable, and another attempt continues from them.
    """


def checkpoint_notes(checkpoint: str) -> tuple[str, ...]:
    """Return what the checkpoint of a batch says in words."""
    return BatchCheckpoint.model_validate_json(checkpoint).words


CountObjects = Callable[[str], int]
"""Returns how many objects lie under a prefix."""


def describe_batch(job: Job, given: JobInput, checkpoint: str, cost: UnitCost) -> Job:
    """Return `job` with what is known of its batch, for `GET /v1/jobs/{job_id}`.

    The receipt of `job` is that of its steps; the batch's own lines are added to it.
    """
    fields = {"model": batch_order(given).model, "deadline": batch_order(given).deadline}
    if not checkpoint:
        return job.model_copy(update=fields)
    checkpoint_ = BatchCheckpoint.model_validate_json(checkpoint)
    steps = job.receipt.lines if job.receipt is not None else ()
    receipt = Receipt.of((*batch_lines(checkpoint_, cost), *steps))
    fields |= {"estimate": checkpoint_.estimate, "notes": checkpoint_.words, "receipt": receipt}
    fields |= {"prompts": checkpoint_.prompts}
    return job.model_copy(update=fields)


def live_counts(job: Job, given: JobInput, checkpoint: str, count: CountObjects) -> JobCounts:
    """Return the current counts of a batch, by the objects it has written.

    The job's record is updated between rounds only.
    """
    checkpoint_ = BatchCheckpoint.model_validate_json(checkpoint) if checkpoint else None
    if checkpoint_ is None or checkpoint_.phase in ("estimated", "done"):
        return job.counts
    return written_counts(job, given, checkpoint_, count, checkpoint_.rejected)


def written_counts(
    job: Job, given: JobInput, place: RoundsCheckpoint, count: CountObjects, rejected: int = 0
) -> JobCounts:
    """Return the counts of a job in rounds that has not come to its end, by what it has written.

    `rejected` items are beside those of the rounds, and count as failed.
    """
    if job.status == "failed":
        return job.counts
    prefix = storage.job_prefix(given.tenant, given.job_id)
    done = min(count(prefix + storage.OUTCOMES), place.items)
    failed = min(count(prefix + storage.failures_prefix(place.epoch)), place.items - done)
    counts = JobCounts(total=place.items + rejected, done=done, failed=failed + rejected)
    if job.status == "cancelled":
        return counts.model_copy(update={"cancelled": counts.open})
    return counts

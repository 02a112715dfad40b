"""What `GET /v1/jobs/{job_id}` shows of a batch beside what it shows of any job. Pure."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.batches import places
from chalicelib.batches.orders import order_of
from chalicelib.batches.receipts import Cost, batch_lines
from chalicelib.contracts.batches import BatchPlace
from chalicelib.contracts.jobs import Job, JobCounts, JobInput
from chalicelib.contracts.receipts import Receipt

Count = Callable[[str], int]
"""Returns how many objects lie under a prefix."""


def shown(job: Job, given: JobInput, checkpoint: str, cost: Cost) -> Job:
    """Return `job`, whose receipt is that of its steps, with all that is known of the batch."""
    told = {"model": order_of(given).model, "deadline": order_of(given).deadline}
    if not checkpoint:
        return job.model_copy(update=told)
    place = BatchPlace.model_validate_json(checkpoint)
    steps = job.receipt.lines if job.receipt is not None else ()
    receipt = Receipt.of((*batch_lines(place, cost), *steps))
    told |= {"estimate": place.estimate, "notes": place.words, "receipt": receipt}
    told |= {"prompts": place.prompts}
    return job.model_copy(update=told)


def progress(job: Job, given: JobInput, checkpoint: str, count: Count) -> JobCounts:
    """Return the counts of a batch as they are now: its record is written between rounds only."""
    place = BatchPlace.model_validate_json(checkpoint) if checkpoint else None
    if place is None or place.phase in ("estimated", "done") or job.status == "failed":
        return job.counts
    prefix = places.prefix(given.tenant, given.job_id)
    done = min(count(prefix + places.OUTCOMES), place.items)
    failed = min(count(prefix + places.failures(place.epoch)), place.items - done)
    total = place.items + place.rejected
    counts = JobCounts(total=total, done=done, failed=failed + place.rejected)
    if job.status == "cancelled":
        return counts.model_copy(update={"cancelled": counts.open})
    return counts

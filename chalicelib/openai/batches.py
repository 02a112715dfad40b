"""Batch jobs as OpenAI's batches.

https://platform.openai.com/docs/api-reference/batch/object
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.contracts.batches import BatchOrder, OpenAIOrder
from chalicelib.contracts.openai.base import Choosing
from chalicelib.contracts.openai.batches import (
    BatchError,
    BatchErrors,
    BatchObject,
    BatchRequest,
    BatchStatus,
    RequestCounts,
)
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.openai.files import output_id

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import Job, JobStatus

ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings")
WINDOW = timedelta(hours=24)
_WINDOW = "24h"
_PREFIX = "batch_"
_STATUS: Mapping[JobStatus, BatchStatus] = {
    "queued": "validating",
    "running": "in_progress",
    "paused": "in_progress",
    "succeeded": "completed",
    "partial": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}
_OF_PHASE: Mapping[str, BatchStatus] = {
    "": "validating",
    "preparing": "validating",
    "reducing": "finalizing",
}
_RESULTS = {"results.jsonl": "results", "errors.jsonl": "errors"}


def batch_order(request: BatchRequest, key: str, now: datetime) -> BatchOrder:
    """Return the order of a batch job for `request`, which the API key `key` made.

    Raises:
        Unsupported: The endpoint or the window is not supported.
        InvalidInput: A budget is given, which a batch as a whole does not have.
    """
    if request.endpoint not in ENDPOINTS:
        raise Unsupported(
            f"{request.endpoint[:80]} is not done in batches; there are {', '.join(ENDPOINTS)}.",
            field="endpoint",
        )
    if request.completion_window != _WINDOW:
        raise Unsupported("completion_window is 24h.", field="completion_window")
    ours = request.headrace or Choosing()
    if ours.budget is not None:
        raise InvalidInput(
            "A batch has no budget of its own; limit what the key may spend.",
            field="headrace.budget",
        )
    return BatchOrder(
        quality=ours.quality,
        service_tier="batch",
        checks=ours.checks,
        fallback=ours.fallback,
        deadline=now + WINDOW,
        keep_truncated=True,
        key=key,
        openai=OpenAIOrder(
            input_file_id=request.input_file_id,
            endpoint=request.endpoint,
            metadata=request.metadata or {},
        ),
    )


def batch_id(job_id: str) -> str:
    """Return the id of a job as a batch."""
    return _PREFIX + job_id


def job_id(batch: str) -> str:
    """Return the job's id of a batch's id; "" if `batch` is not the id of a batch."""
    return batch.removeprefix(_PREFIX) if batch.startswith(_PREFIX) else ""


def batch_object(
    job: Job, asked: OpenAIOrder, deadline: datetime, files: Sequence[tuple[str, int]]
) -> BatchObject:
    """Return `job` as a batch.

    Args:
        job: The job.
        asked: The fields of the request that made it.
        deadline: When the batch expires.
        files: The names and sizes of the files that it wrote.
    """
    status = _STATUS[job.status]
    if job.status == "running":
        status = _OF_PHASE.get(job.phase, status)
    sizes = {_RESULTS[name]: size for name, size in files if name in _RESULTS}
    ids = {what: output_id(job.job_id, what) for what, size in sizes.items() if size}
    updated_at = int(job.updated_at.timestamp())
    errors = None
    if job.error is not None:
        failure = BatchError(code=job.error.type, message=job.error.message)
        errors = BatchErrors(data=(failure,))
    elif job.status == "paused" and job.notes:
        failure = BatchError(code="paused", message=" ".join(job.notes))
        errors = BatchErrors(data=(failure,))
    return BatchObject(
        id=batch_id(job.job_id),
        endpoint=asked.endpoint,
        errors=errors,
        input_file_id=asked.input_file_id,
        status=status,
        output_file_id=ids.get("results"),
        error_file_id=ids.get("errors"),
        created_at=int(job.created_at.timestamp()),
        expires_at=int(deadline.timestamp()),
        request_counts=RequestCounts(
            total=job.counts.total, completed=job.counts.done, failed=job.counts.failed
        ),
        metadata=asked.metadata,
        completed_at=updated_at if status == "completed" else None,
        failed_at=updated_at if status == "failed" else None,
        expired_at=updated_at if status == "expired" else None,
        cancelled_at=updated_at if status == "cancelled" else None,
    )

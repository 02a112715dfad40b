"""The lifecycle of a job: its states, which may follow which, and counts that add up at the end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.contracts.jobs import OPEN, Job, JobCounts, JobEnd, JobInput, JobStatus
from chalicelib.errors import Conflict

RESULTS_DAYS = 7
"""Days for which results are kept; the bucket's lifecycle rule on `jobs/` says the same."""
RECORD_DAYS = 90
"""Days for which a job that ended is shown."""

_CANCELLABLE = frozenset(
    {
        *("export", "remove_collection", "remove_document", "reindex", "embed_pictures", "batch"),
        *("scheduled_run", "evaluation", "rollout", "extraction"),
    }
)
_PAUSABLE = frozenset({"batch", "evaluation"})
_WITH_RESULTS = frozenset({"export", "batch", "scheduled_run", "evaluation", "extraction"})
"""Kinds of jobs that have results."""
_RETRYABLE: frozenset[JobStatus] = frozenset({"failed", "partial", "cancelled"})


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A result file, which lies beside the job's other objects."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class JobUsage:
    """Resources that a job has used so far: function time, memory times time, and transitions.

    `put_bytes` are those that S3 Vectors bills for putting vectors.
    """

    milliseconds: int = 0
    megabyte_milliseconds: int = 0
    requests: int = 0
    transitions: int = 0
    put_bytes: int = 0


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as it is stored: what the API shows of it, and where its next step continues.

    `step` counts the recorded steps, so that of two that continue from the same point one is
    refused. `checkpoint` is the JSON written by the job's own function, "" before its first
    step. `counted` are the counts of the steps; `job.counts` are what the API shows, which
    differs at the end.
    """

    job: Job
    input: JobInput
    execution_arn: str
    step: int = 0
    checkpoint: str = ""
    files: tuple[ResultFile, ...] = ()
    used: JobUsage = JobUsage()
    counted: JobCounts = field(default_factory=JobCounts)

    @property
    def is_open(self) -> bool:
        """Tell whether the job has not ended."""
        return self.job.status in OPEN

    @property
    def prefix(self) -> str:
        """Return the prefix of the job's objects, with its final slash."""
        return f"jobs/{self.input.tenant}/{self.input.job_id}/"


def new_job(given: JobInput, now: datetime) -> Job:
    """Return the new job that `given` asks for."""
    return Job(
        job_id=given.job_id,
        kind=given.kind,
        status="queued",
        collection=given.collection,
        document_id=given.document_id,
        model=given.model,
        created_at=now,
        updated_at=now,
        results_until=now + timedelta(days=RESULTS_DAYS) if given.kind in _WITH_RESULTS else None,
    )


def final_counts(counts: JobCounts, end: JobEnd) -> JobCounts:
    """Return the counts of a job that ends: open items get the fate of the whole job.

    Raises:
        Conflict: the job succeeds, fully or partly, and its counts do not add up.
    """
    if end in ("succeeded", "partial"):
        if counts.open:
            raise Conflict(f"The counts do not add up: {counts}.")
        return counts
    return counts.model_copy(update={end: getattr(counts, end) + counts.open})


def next_attempt(state: JobState, execution_arn: str, now: datetime) -> JobState:
    """Return the next attempt at a job, which continues where the last one stopped.

    After a partial success only what failed is tried again; the job's function sees that by the
    checkpoint. A cancelled export starts over, because its parts were removed.

    Raises:
        Conflict: the job has not ended, or succeeded.
    """
    job = state.job
    if job.status not in _RETRYABLE:
        raise Conflict(
            f"The job is {job.status}; only one that failed, ended in part or was cancelled"
            " can be tried again.",
            field="job_id",
        )
    counts, checkpoint = state.counted, state.checkpoint
    if job.status == "cancelled" and job.kind == "export":
        counts, checkpoint = JobCounts(), ""
    if job.status == "partial":
        counts = counts.model_copy(update={"failed": 0})
    return _attempt(state, counts, checkpoint, execution_arn, now)


def resumed_attempt(state: JobState, execution_arn: str, now: datetime) -> JobState:
    """Return the next attempt at a paused job, which continues where it stopped.

    Raises:
        Conflict: the job is not paused, or its files have expired.
    """
    job = state.job
    if job.status != "paused":
        raise Conflict(f"The job is {job.status}; only one that is paused goes on.", field="job_id")
    if job.results_until is not None and now >= job.results_until:
        raise Conflict(
            f"The files of a job are kept for {RESULTS_DAYS} days; begin a new one.",
            field="job_id",
            limit=str(RESULTS_DAYS),
        )
    return _attempt(state, state.counted, state.checkpoint, execution_arn, now)


def _attempt(
    state: JobState, counts: JobCounts, checkpoint: str, execution_arn: str, now: datetime
) -> JobState:
    attempt = state.job.attempt + 1
    fresh = state.job.model_copy(
        update={
            "status": "queued",
            "counts": counts,
            "attempt": attempt,
            "updated_at": now,
            "error": None,
        }
    )
    return replace(
        state,
        job=fresh,
        input=state.input.model_copy(update={"attempt": attempt}),
        execution_arn=execution_arn,
        step=state.step + 1,
        checkpoint=checkpoint,
        counted=counts,
    )


def check_pausable(job: Job) -> None:
    """Raise `Conflict` for a job that cannot be paused, or is not active."""
    if job.kind not in _PAUSABLE:
        raise Conflict(f"A job of kind {job.kind} cannot be paused.", field="job_id")
    if job.status not in ("queued", "running"):
        raise Conflict(f"The job is {job.status}; it cannot be paused.", field="job_id")


def check_cancellable(job: Job) -> None:
    """Raise `Conflict` for a job that has ended, or that must not be left half done."""
    if job.kind not in _CANCELLABLE:
        raise Conflict(
            "The removal of a tenant cannot be cancelled: part of it is gone.", field="job_id"
        )
    if job.status not in OPEN:
        raise Conflict(f"The job has ended: it is {job.status}.", field="job_id")


@dataclass(frozen=True, slots=True)
class RunningJob:
    """An execution that works on a job, until its end is settled."""

    input: JobInput
    execution_arn: str
    started_at: datetime

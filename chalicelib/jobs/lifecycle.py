"""The life of a job: what it may become, and that its counts add up when it ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.contracts.jobs import OPEN, Job, JobCounts, JobEnd, JobInput, JobStatus
from chalicelib.errors import Conflict

RESULTS_DAYS = 7
"""How long what a job made can be had; the bucket's lifecycle rule on `jobs/` says the same."""
RECORD_DAYS = 90
"""How long a job that ended is shown."""

_CANCELLED = frozenset(
    {"export", "remove_collection", "remove_document", "reindex", "embed_pictures", "batch"}
)
_PAUSED = frozenset({"batch"})
_KEPT = frozenset({"export", "batch"})
"""Jobs that have results."""
_AGAIN: frozenset[JobStatus] = frozenset({"failed", "partial", "cancelled"})


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of the result, beside the job's other objects."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Used:
    """What a job has used so far: function time, that times memory, and state transitions."""

    milliseconds: int = 0
    megabyte_milliseconds: int = 0
    requests: int = 0
    transitions: int = 0


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as it is kept: what is shown of it, and where its next step goes on.

    `step` counts what was recorded, so that of two who go on from the same place one is refused.
    `checkpoint` is the JSON that the job's own function wrote, "" before its first step.
    `counted` is what steps have counted, of which `job.counts` is what is said at an end.
    """

    job: Job
    input: JobInput
    execution_arn: str
    step: int = 0
    checkpoint: str = ""
    files: tuple[ResultFile, ...] = ()
    used: Used = Used()
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
    """Return the job that `given` asks for, before anything of it is done."""
    return Job(
        job_id=given.job_id,
        kind=given.kind,
        status="queued",
        collection=given.collection,
        document_id=given.document_id,
        model=given.model,
        created_at=now,
        updated_at=now,
        results_until=now + timedelta(days=RESULTS_DAYS) if given.kind in _KEPT else None,
    )


def decided(counts: JobCounts, end: JobEnd) -> JobCounts:
    """Return `counts` at an end: what was still open shares the fate of the whole.

    Raises:
        Conflict: a job ends well, or well in part, and its counts do not add up.
    """
    if end in ("succeeded", "partial"):
        if counts.open:
            raise Conflict(f"The counts do not add up: {counts}.")
        return counts
    return counts.model_copy(update={end: getattr(counts, end) + counts.open})


def again(state: JobState, execution_arn: str, now: datetime) -> JobState:
    """Return the next attempt at a job: it goes on where the last one stopped.

    Of what ended in part, only what failed is tried again; the job's function sees that by the
    checkpoint. A cancelled export begins anew, because its parts were removed.

    Raises:
        Conflict: the job has not ended, or ended well.
    """
    job = state.job
    if job.status not in _AGAIN:
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


def resumed(state: JobState, execution_arn: str, now: datetime) -> JobState:
    """Return the next attempt at a job that was paused: it goes on where it stopped.

    Raises:
        Conflict: the job is not paused, or its files are gone by now.
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
    """Raise `Conflict` for a job that cannot be paused, or does nothing now."""
    if job.kind not in _PAUSED:
        raise Conflict(f"A job of kind {job.kind} cannot be paused.", field="job_id")
    if job.status not in ("queued", "running"):
        raise Conflict(f"The job is {job.status}; it cannot be paused.", field="job_id")


def check_cancellable(job: Job) -> None:
    """Raise `Conflict` for a job that has ended, or that must not be left half done."""
    if job.kind not in _CANCELLED:
        raise Conflict(
            "The removal of a tenant cannot be cancelled: part of it is gone.", field="job_id"
        )
    if job.status not in OPEN:
        raise Conflict(f"The job has ended: it is {job.status}.", field="job_id")

"""Steps of a job: bounded pieces of work, each of which may be repeated or cut off at any moment.

A step reads the job's checkpoint, does a piece of work, and records both the piece and the new
checkpoint in one conditional write. If it is cut off before, it is repeated from the same
checkpoint; if it was recorded but its answer was lost, the next step follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

from chalicelib.contracts.base import Contract
from chalicelib.contracts.jobs import (
    JobCounts,
    JobEnd,
    JobError,
    JobStatus,
    StepRequest,
    StepResult,
)
from chalicelib.errors import Conflict, NotFound, Transient
from chalicelib.jobs.lifecycle import JobState, JobUsage, ResultFile, final_counts


class StepRecords(Protocol):
    """The record of one job, as its steps use it."""

    def state(self, tenant: str, job_id: str) -> JobState | None:
        """Return a job, or None."""

    def advance(self, state: JobState, outcome: StepOutcome, used: JobUsage, now: datetime) -> None:
        """Record a step.

        Raises:
            Conflict: the job advanced, was cancelled or ended since `state` was read.
        """


TRANSITIONS_PER_STEP = 2
"""The state that works, and the one that examines its result."""
TRANSITIONS_PER_REST = 1
"""The state that waits before the next step, if the result asks for it."""
_RESTING = frozenset({"wait", "shadow", "approve"})


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """The result of a step: the new checkpoint, and what comes next.

    `end` is set at the end of the job, with the `error` of one that failed though no step did, and
    `paused` if nothing more is done until it is resumed.
    """

    checkpoint: Contract
    counts: JobCounts
    phase: str
    next: Literal[
        "more", "wait", "embed", "generate", "queue", "reduce", "shadow", "approve", "stop"
    ] = "more"
    end: JobEnd | None = None
    error: JobError | None = None
    paused: bool = False
    seconds: int = 0
    key: str = ""
    batch: int = 0
    items_a_child: int = 1
    epoch: int = 0
    reason: str = ""
    stopper: str = ""
    files: tuple[ResultFile, ...] = ()
    summary: str = ""

    @property
    def status(self) -> JobStatus:
        """Return the status of the job after the step."""
        return self.end or ("paused" if self.paused else "running")


@dataclass(frozen=True, slots=True)
class StepContext:
    """Collaborators of every step: the job's record, clocks, and the memory it is billed for.

    `seconds` limits how long a step takes up further items. `requests` and `transitions` are billed
    beside its time.
    """

    jobs: StepRecords
    now: Callable[[], datetime]
    clock: Callable[[], float]
    memory_gb: float
    seconds: float = 240.0
    began: float = field(default=0.0)
    requests: int = 1
    transitions: int = TRANSITIONS_PER_STEP

    def started(self) -> StepContext:
        """Return the context of a step that begins now."""
        return replace(self, began=self.clock())

    @property
    def is_late(self) -> bool:
        """Tell whether the step has used up its time."""
        return self.clock() - self.began >= self.seconds

    def used(
        self, embedding_gb_seconds: float, put_bytes: int = 0, *, rests: bool = False
    ) -> JobUsage:
        """Return what the step has used, including the reembedding before it.

        Where the machine `rests` after it, that state counts as well.
        """
        seconds = self.clock() - self.began
        return JobUsage(
            milliseconds=round(seconds * 1000),
            megabyte_milliseconds=round(
                (seconds * self.memory_gb + embedding_gb_seconds) * 1024 * 1000
            ),
            requests=self.requests,
            transitions=self.transitions + (TRANSITIONS_PER_REST if rests else 0),
            put_bytes=put_bytes,
        )


def run_step(
    request: StepRequest,
    desk: StepContext,
    work: Callable[[JobState], StepOutcome],
    clean: Callable[[JobState], int | None],
) -> StepResult:
    """Do one step of a job by `work`, or clean up with `clean` if the job was cancelled.

    `clean` returns after how many seconds it is to be called again, None once it is done.

    Raises:
        NotFound: there is no such job.
        Transient: another execution of the same step was quicker; the next step follows it.
        Conflict: the job was to end, and its counts do not add up.
    """
    state = _read_state(request, desk)
    if not _continues(state, request):
        return _ended(state, clean)
    outcome = work(state)
    if outcome.end is not None:
        final_counts(outcome.counts, outcome.end)
    try:
        rests = outcome.next in _RESTING and outcome.end is None and not outcome.paused
        used = desk.used(request.gb_seconds, request.put_bytes, rests=rests)
        desk.jobs.advance(state, outcome, used, desk.now())
    except Conflict as error:
        state = _read_state(request, desk)
        if _continues(state, request):
            raise Transient(f"{request.job_id} went on meanwhile.") from error
        return _ended(state, clean)
    if outcome.end is not None or outcome.paused:
        return StepResult(
            next="ended", status=outcome.status, counts=outcome.counts, error=outcome.error
        )
    return StepResult(
        next=outcome.next,
        seconds=outcome.seconds,
        key=outcome.key,
        batch=outcome.batch,
        items_a_child=outcome.items_a_child,
        epoch=outcome.epoch,
        reason=outcome.reason,
        stopper=outcome.stopper,
        counts=outcome.counts,
    )


def _read_state(request: StepRequest, desk: StepContext) -> JobState:
    state = desk.jobs.state(request.tenant, request.job_id)
    if state is None:
        raise NotFound(f"There is no job {request.job_id}.", field="job_id")
    return state


def _continues(state: JobState, request: StepRequest) -> bool:
    is_awake = state.is_open and state.job.status != "paused"
    return is_awake and state.job.attempt == request.attempt


def _ended(state: JobState, clean: Callable[[JobState], int | None]) -> StepResult:
    """Return the result of a job that does not continue, cleaned up if it was cancelled."""
    status, counts = state.job.status, state.job.counts
    seconds = clean(state) if status == "cancelled" else None
    if seconds is not None:
        return StepResult(next="wait", seconds=seconds, status=status, counts=counts)
    return StepResult(next="ended", status=status, counts=counts)

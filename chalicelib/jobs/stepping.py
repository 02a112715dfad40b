"""Steps: a job goes on in bounded pieces, and each may be repeated or cut off at any moment.

A step reads where the job is, does a piece, and records both the piece and the new place in one
conditional write. One that was cut off before is done again from the same place; one that was
recorded, but whose answer was lost, is followed by the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from chalicelib.contracts.base import Contract
from chalicelib.contracts.jobs import JobCounts, JobEnd, JobStatus, StepRequest, StepResult
from chalicelib.errors import Conflict, NotFound, Transient
from chalicelib.jobs.lifecycle import JobState, ResultFile, Used, decided

if TYPE_CHECKING:
    from chalicelib.jobs.job_records import StepRecords

TRANSITIONS_A_STEP = 2
"""The state that works, and the one that looks at what it returned."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did: where the job is now, and what comes next.

    `end` is set at the end, and `paused` where nothing more is done until the job is resumed.
    """

    checkpoint: Contract
    counts: JobCounts
    phase: str
    next: Literal["more", "wait", "embed", "generate", "queue", "reduce"] = "more"
    end: JobEnd | None = None
    paused: bool = False
    seconds: int = 0
    key: str = ""
    batch: int = 0
    items_a_child: int = 1
    epoch: int = 0
    files: tuple[ResultFile, ...] = ()
    summary: str = ""

    @property
    def status(self) -> JobStatus:
        """Return the state that the job is in after the step."""
        return self.end or ("paused" if self.paused else "running")


@dataclass(frozen=True, slots=True)
class Desk:
    """What every step needs: the job's record, clocks, and how much memory it is billed for.

    `seconds` bounds how long a step goes on taking up further items. `requests` and `transitions`
    are what a step is billed for beside its time.
    """

    jobs: StepRecords
    now: Callable[[], datetime]
    clock: Callable[[], float]
    memory_gb: float
    seconds: float = 240.0
    began: float = field(default=0.0)
    requests: int = 1
    transitions: int = TRANSITIONS_A_STEP

    def started(self) -> Desk:
        """Return the desk of a step that begins now."""
        return replace(self, began=self.clock())

    @property
    def is_late(self) -> bool:
        """Tell whether the step has gone on for as long as it should."""
        return self.clock() - self.began >= self.seconds

    def used(self, embedding_gb_seconds: float) -> Used:
        """Return what the step has used, and the reembedding before it."""
        seconds = self.clock() - self.began
        return Used(
            milliseconds=round(seconds * 1000),
            megabyte_milliseconds=round(
                (seconds * self.memory_gb + embedding_gb_seconds) * 1024 * 1000
            ),
            requests=self.requests,
            transitions=self.transitions,
        )


def run_step(
    request: StepRequest,
    desk: Desk,
    work: Callable[[JobState], Outcome],
    clean: Callable[[JobState], int | None],
) -> StepResult:
    """Do one step of a job by `work`, or, once the job was cancelled, `clean` up after it.

    `clean` returns after how many seconds it is to be called again, None once all is clean.

    Raises:
        NotFound: there is no such job.
        Transient: another execution of the same step was quicker; what comes next is for the
            step after it.
        Conflict: the job was to end, and its counts do not add up.
    """
    state = _state(request, desk)
    if not _is_to_go_on(state, request):
        return _ended(state, clean)
    outcome = work(state)
    if outcome.end is not None:
        decided(outcome.counts, outcome.end)
    try:
        desk.jobs.advance(state, outcome, desk.used(request.gb_seconds), desk.now())
    except Conflict as error:
        state = _state(request, desk)
        if _is_to_go_on(state, request):
            raise Transient(f"{request.job_id} went on meanwhile.") from error
        return _ended(state, clean)
    if outcome.end is not None or outcome.paused:
        return StepResult(next="ended", status=outcome.status, counts=outcome.counts)
    return StepResult(
        next=outcome.next,
        seconds=outcome.seconds,
        key=outcome.key,
        batch=outcome.batch,
        items_a_child=outcome.items_a_child,
        epoch=outcome.epoch,
        counts=outcome.counts,
    )


def _state(request: StepRequest, desk: Desk) -> JobState:
    state = desk.jobs.state(request.tenant, request.job_id)
    if state is None:
        raise NotFound(f"There is no job {request.job_id}.", field="job_id")
    return state


def _is_to_go_on(state: JobState, request: StepRequest) -> bool:
    is_awake = state.is_open and state.job.status != "paused"
    return is_awake and state.job.attempt == request.attempt


def _ended(state: JobState, clean: Callable[[JobState], int | None]) -> StepResult:
    """Return what there is to say of a job that goes on no more, cleaned up if it was cancelled."""
    status, counts = state.job.status, state.job.counts
    seconds = clean(state) if status == "cancelled" else None
    if seconds is not None:
        return StepResult(next="wait", seconds=seconds, status=status, counts=counts)
    return StepResult(next="ended", status=status, counts=counts)

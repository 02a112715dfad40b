"""Claims: what becomes of the times of a schedule that are due, and of runs by hand. Pure.

A claim decides about every time from the first undecided one to now. It records a run for each,
which waits, or was skipped by the overlap policy, and one record for those that were missed. The
state that follows is past them: a trigger that comes twice, late or never finds the rest, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.contracts.schedule_runs import RunStatus, Trigger
from chalicelib.contracts.schedules import MissedTimes, ScheduleRun
from chalicelib.errors import Conflict
from chalicelib.jobs.ulids import ulid_of
from chalicelib.schedules.due import due_plan
from chalicelib.schedules.records import ScheduleChange, ScheduleState, WaitingRun

MAX_QUEUED = 10
"""Runs that wait by the overlap policy `queue`; further ones are skipped."""
MAX_WAITING = 40
"""Runs that wait in all. Further times that are made up for stay undecided until fewer wait, so
that a change of all of them fits into one transaction, of 100 writes.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""
OVERLAPPED = "The run before it had not ended."
QUEUE_FULL = f"{MAX_QUEUED} runs waited already."
SUPERSEDED = "A newer run took its place."


def claim_due(state: ScheduleState, now: datetime) -> ScheduleChange | None:
    """Return the change that decides about the times that are due, None if none is.

    More may be due after it.
    """
    if state.status != "active" or state.next_at is None or state.next_at > now:
        return None
    terms = state.terms
    plan = due_plan(
        state.timing, state.next_at, now, state.window, terms.catch_up, terms.max_catch_up
    )
    queue = _RunQueue(state, now, list(state.waiting), state.cancels)
    following = plan.following
    if plan.missed is not None:
        queue.miss(plan.missed)
    # Times that are made up for one after the other wait for each other, and so does what is due
    # with them: the overlap policy would lose the newest to them, or all of them to the newest.
    in_turn = terms.catch_up == "all" and any(it == "catch_up" for _, it in plan.runs)
    for scheduled_at, trigger in plan.runs:
        if len(queue.waiting) >= MAX_WAITING:
            following = scheduled_at
            break
        queue.add(scheduled_at, trigger, in_turn=in_turn)
    if following == state.next_at and not queue.records:
        return None
    decided: dict[str, object] = {
        "next_at": following,
        "status": "active" if following is not None else "ended",
        "entry_known": state.entry_known and following is not None,
    }
    return queue.change(decided)


def run_by_hand(state: ScheduleState, run_id: str, now: datetime) -> ScheduleChange:
    """Return the change that adds a run for which somebody asked.

    Raises:
        Conflict: a run goes on or waits, and the overlap policy is `skip`; or too many wait.
    """
    if state.is_busy and state.terms.overlap == "skip":
        raise Conflict(
            f"A run of {state.name} has not ended, and its overlap policy is skip.", field="name"
        )
    if len(state.waiting) >= MAX_QUEUED and state.terms.overlap == "queue":
        raise Conflict(
            f"{len(state.waiting)} runs of {state.name} wait already.",
            field="name",
            limit=str(MAX_QUEUED),
        )
    queue = _RunQueue(state, now, list(state.waiting), state.cancels)
    queue.add(now, "manual", run_id)
    return queue.change({})


def run_record(
    state: ScheduleState, waiting: WaitingRun, status: RunStatus, **fields: object
) -> ScheduleRun:
    """Return the record of a run as it is now."""
    record = ScheduleRun(
        run_id=waiting.run_id,
        schedule=state.name,
        trigger=waiting.trigger,
        scheduled_at=waiting.scheduled_at,
        status=status,
        created_at=waiting.created_at,
    )
    return record.model_copy(update=fields)


def cancelled_records(state: ScheduleState, reason: str, now: datetime) -> tuple[ScheduleRun, ...]:
    """Return the records of all waiting runs as cancelled."""
    return tuple(
        run_record(state, each, "cancelled", reason=reason, ended_at=now) for each in state.waiting
    )


@dataclass(slots=True)
class _RunQueue:
    """The waiting runs of a schedule while a claim adds to them, and the records that follow."""

    state: ScheduleState
    now: datetime
    waiting: list[WaitingRun]
    cancels: bool
    records: dict[str, ScheduleRun] = field(default_factory=dict)

    def add(
        self, scheduled_at: datetime, trigger: Trigger, run_id: str = "", *, in_turn: bool = False
    ) -> None:
        """Let a run wait, or skip it, as the overlap policy has it; `in_turn` lets it wait."""
        state = self.state
        run = WaitingRun(
            run_id=run_id or ulid_of(scheduled_at, state.schedule_id),
            trigger=trigger,
            scheduled_at=scheduled_at,
            created_at=self.now,
        )
        terms, is_busy = state.terms, bool(state.running or self.waiting)
        if is_busy and not in_turn and terms.overlap == "skip":
            self._skip(run, OVERLAPPED)
            return
        if not in_turn and terms.overlap == "queue" and len(self.waiting) >= MAX_QUEUED:
            self._skip(run, QUEUE_FULL)
            return
        if is_busy and not in_turn and terms.overlap == "cancel":
            self._supersede()
        self.waiting.append(run)
        self._record(run_record(state, run, "waiting"))

    def miss(self, missed: MissedTimes) -> None:
        """Record times that nothing ran at."""
        self._record(
            ScheduleRun(
                run_id=ulid_of(missed.last, f"{self.state.schedule_id} missed"),
                schedule=self.state.name,
                trigger="time",
                scheduled_at=missed.last,
                status="missed",
                reason="Nothing ran at the time, and it is not made up for.",
                missed=missed,
                created_at=self.now,
                ended_at=self.now,
            )
        )

    def change(self, decided: dict[str, object]) -> ScheduleChange:
        """Return the change to what was added."""
        after = self.state.model_copy(
            update={
                "waiting": tuple(self.waiting),
                "cancels": self.cancels,
                "revision": self.state.revision + 1,
                "updated_at": self.now,
                **decided,
            }
        )
        return ScheduleChange(self.state, after, tuple(self.records.values()))

    def _skip(self, run: WaitingRun, reason: str) -> None:
        self._record(run_record(self.state, run, "skipped", reason=reason, ended_at=self.now))

    def _supersede(self) -> None:
        for each in self.waiting:
            self._record(
                run_record(self.state, each, "cancelled", reason=SUPERSEDED, ended_at=self.now)
            )
        self.waiting.clear()
        self.cancels = bool(self.state.running)

    def _record(self, run: ScheduleRun) -> None:
        self.records[run.run_id] = run

"""Schedules as they are stored, and what changes them.

All that a schedule is at a moment is one state. It changes as a whole, on condition that nobody
changed it since it was read, and in one transaction with the runs and the seats that go with it. So
a change is made once or not at all, and what was cut off can be done again from what is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Protocol

from pydantic import AwareDatetime, Field, field_serializer

from chalicelib.contracts.base import Contract
from chalicelib.contracts.schedule_runs import Trigger, Watermark
from chalicelib.contracts.schedules import (
    ScheduleRun,
    ScheduleStatus,
    ScheduleTerms,
    terms_json,
)
from chalicelib.schedules.times import Timing, parse_timing

RUN_DAYS = 90
"""Days for which a run is shown after its beginning."""


class WaitingRun(Contract):
    """A run that waits for a seat, or for the run before it to end."""

    run_id: str
    trigger: Trigger
    scheduled_at: AwareDatetime
    created_at: AwareDatetime


class ScheduleState(Contract):
    """Everything about a schedule.

    Attributes:
        key: The id of the API key that made it, whose budget its runs spend.
        next_at: The first time that nothing was decided about, None while there is none.
        failures: How many runs have failed in a row.
        watermark: How far the runs have come that succeeded.
        running: The run that has a seat, or "".
        cancels: Whether the run that has the seat is to be cancelled.
        waiting: The runs that wait, in their order.
        last_run: The run that ended last.
        entry_known: Whether the entry of EventBridge Scheduler is as this state wants it.
        revision: Counts the changes.
    """

    tenant: str
    schedule_id: str
    name: str
    terms: ScheduleTerms
    key: str = ""
    status: ScheduleStatus = "active"
    reason: str = ""
    next_at: AwareDatetime | None = None
    failures: int = Field(default=0, ge=0)
    watermark: Watermark = Watermark()
    running: str = ""
    cancels: bool = False
    waiting: tuple[WaitingRun, ...] = ()
    last_run: ScheduleRun | None = None
    entry_known: bool = False
    revision: int = Field(default=1, ge=1)
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @field_serializer("terms", when_used="json")
    def _terms_json(self, terms: ScheduleTerms) -> dict[str, Any]:
        return terms_json(terms)

    @property
    def timing(self) -> Timing:
        """Return the times that it runs at.

        A rate counts from the minute of the creation: EventBridge Scheduler triggers anywhere in
        the minute of a time, and a trigger before it would find nothing due.
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
        """
        terms, anchor = self.terms, self.created_at.replace(second=0, microsecond=0)
        return parse_timing(terms.expression, terms.time_zone, terms.start, terms.end, anchor)

    @property
    def window(self) -> timedelta:
        """Return how long after its time a run may begin as planned."""
        return timedelta(minutes=self.terms.window_minutes)

    @property
    def is_busy(self) -> bool:
        """Tell whether a run goes on or waits."""
        return bool(self.running or self.waiting)

    @property
    def is_ready(self) -> bool:
        """Tell whether the first of the waiting runs may have a seat."""
        return bool(self.waiting) and not self.running


class Seat(Contract):
    """One of the runs that a stage allows at once, held until its job is settled."""

    tenant: str
    schedule: str
    schedule_id: str
    run_id: str
    taken_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """A change of a schedule from the state that was read, written as a whole or not at all.

    Attributes:
        before: The state that was read.
        after: The state that follows, None for none.
        runs: The runs that are new or changed, each once.
        takes: The seat that is taken.
        frees: The seat that is given back.
    """

    before: ScheduleState
    after: ScheduleState | None
    runs: tuple[ScheduleRun, ...] = ()
    takes: Seat | None = None
    frees: Seat | None = None


class ChangeOutcome(Enum):
    """The outcome of a change: made, outdated by another, or without a free seat."""

    MADE = auto()
    OUTDATED = auto()
    """Another change came before; nothing was written."""
    FULL = auto()
    """All seats are taken; nothing was written."""


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule and the first time that nothing was decided about."""

    tenant: str
    name: str
    next_at: datetime
    window: timedelta


@dataclass(frozen=True, slots=True)
class ReadySchedule:
    """A schedule whose first waiting run may have a seat, and the time of that run."""

    tenant: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class UnsureEntry:
    """An entry of EventBridge Scheduler that may differ from its schedule, or have none."""

    tenant: str
    name: str
    schedule_id: str


class ScheduleRecords(Protocol):
    """The schedules of a stage, their runs, and the seats of those that go on."""

    def schedule(self, tenant: str, name: str) -> ScheduleState | None:
        """Return a schedule, or None."""

    def schedules(self, tenant: str, after: str) -> Iterator[ScheduleState]:
        """Yield the tenant's schedules by name, those behind the name `after` ("" for all)."""

    def creations(self, tenant: str) -> int:
        """Return how many schedules of the tenant were ever made; removals do not count."""

    def create(self, state: ScheduleState, creations: int) -> ChangeOutcome:
        """Store a new schedule, unless more than `creations` were made before it.

        Raises:
            Conflict: there is one of that name, or the tenant is being removed.
        """

    def change(self, change: ScheduleChange, max_running: int = 0) -> ChangeOutcome:
        """Make a change; a seat is taken among at most `max_running`.

        The entry of a schedule that is removed is in doubt from then on.
        """

    def run(self, tenant: str, schedule_id: str, run_id: str) -> ScheduleRun | None:
        """Return a run, or None."""

    def runs(self, tenant: str, schedule_id: str, after: str) -> Iterator[ScheduleRun]:
        """Yield the runs of a schedule, newest first, those before the id `after` ("" for all)."""

    def seat(self, run_id: str) -> Seat | None:
        """Return the seat of a run, or None once it is given back."""

    def seats(self) -> list[Seat]:
        """Return the seats that are taken."""

    def free(self, seat: Seat, run: ScheduleRun | None) -> None:
        """Give back the seat of a run whose schedule is gone, and record its end; once."""

    def ready(self) -> Iterator[ReadySchedule]:
        """Yield the schedules of which a run waits for nothing but a seat."""

    def due(self, until: datetime) -> Iterator[DueSchedule]:
        """Yield the schedules that were due at `until`, the earliest first."""

    def doubt(self, entry: UnsureEntry) -> None:
        """Note that an entry may have no schedule."""

    def unsure_entries(self) -> Iterator[UnsureEntry]:
        """Yield the entries that may differ from their schedules, or have none."""

    def forget(self, entry: UnsureEntry) -> None:
        """Forget the doubt about an entry that is gone; may be repeated."""

"""Entries of EventBridge Scheduler: one for each schedule that runs at a further time.

An entry in doubt is put right by the sweep. That of a schedule which is gone is removed, and with
it the objects that its runs kept for the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import Throttled
from chalicelib.schedules.locations import schedule_prefix
from chalicelib.schedules.records import ChangeOutcome, ScheduleChange, UnsureEntry
from chalicelib.schedules.settlement import ATTEMPTS

if TYPE_CHECKING:
    from chalicelib.schedules.records import ScheduleRecords, ScheduleState

_SECOND = timedelta(seconds=1)
"""AWS keeps the start and the end of an entry to the second."""


@dataclass(frozen=True, slots=True)
class SchedulerEntry:
    """An entry; `start` and `end` are None where it has none."""

    schedule_id: str
    tenant: str
    name: str
    expression: str
    time_zone: str
    window_minutes: int
    start: datetime | None
    end: datetime | None


class SchedulerEntries(Protocol):
    """The entries of a stage, by the id of their schedule."""

    def put(self, entry: SchedulerEntry) -> None:
        """Make an entry, or change it to this."""

    def remove(self, schedule_id: str) -> None:
        """Remove an entry; a missing one is no error."""


def wanted_entry(state: ScheduleState, now: datetime) -> SchedulerEntry | None:
    """Return the entry that a schedule needs, None if no further time of it comes.

    A rate of AWS's begins when its entry is made or changed, and ours has its own beginning; so
    the entry starts at our next time.
    """
    terms = state.terms
    following = state.timing.after(now) if state.status == "active" else None
    if following is None:
        return None
    start = following if terms.expression.startswith("rate(") else terms.start
    end = terms.end
    if start is not None and end is not None and end - start < _SECOND:
        end = None  # AWS takes none that is not after the start; the last claim ends the entry
    return SchedulerEntry(
        schedule_id=state.schedule_id,
        tenant=state.tenant,
        name=state.name,
        expression=terms.expression,
        time_zone=terms.time_zone,
        window_minutes=terms.window_minutes,
        start=start if start is not None and start > now else None,
        end=end,
    )


@dataclass(frozen=True, slots=True)
class EntryKeeper:
    """Keeps the entries as their schedules want them.

    `delete_objects` removes what lies under a prefix in the bucket of the stage.
    """

    records: ScheduleRecords
    entries: SchedulerEntries
    delete_objects: Callable[[str], object]
    now: Callable[[], datetime]

    def keep(self, tenant: str, name: str) -> None:
        """Make, change or remove the entry of a schedule until no change came in between.

        Raises:
            Throttled: others kept changing the schedule for as long as we tried.
        """
        for _ in range(ATTEMPTS):
            state = self.records.schedule(tenant, name)
            if state is None:
                return
            self._write(state)
            fields = {"entry_known": True, "revision": state.revision + 1}
            known = state.model_copy(update=fields)
            if self.records.change(ScheduleChange(state, known)) is ChangeOutcome.MADE:
                return
        raise Throttled(f"Others kept changing the schedule {name}.")

    def settle(self, doubt: UnsureEntry) -> None:
        """Put the entry right that is in doubt, whether or not its schedule is still there.

        If the schedule is gone, the doubt stays until none of its runs can write any more.
        """
        state = self.records.schedule(doubt.tenant, doubt.name)
        if state is not None and state.schedule_id == doubt.schedule_id:
            self.keep(doubt.tenant, doubt.name)
            return
        self.entries.remove(doubt.schedule_id)
        if any(seat.schedule_id == doubt.schedule_id for seat in self.records.seats()):
            return
        self.delete_objects(schedule_prefix(doubt.tenant, doubt.schedule_id))
        self.records.forget(doubt)

    def _write(self, state: ScheduleState) -> None:
        entry = wanted_entry(state, self.now())
        if entry is None:
            self.entries.remove(state.schedule_id)
        else:
            self.entries.put(entry)

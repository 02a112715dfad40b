"""Erasure of a tenant's schedules, before the rest of the tenant is removed.

Runs that go on are cancelled as jobs, and give their seats back when these have ended. What is left
of a schedule then lies with the tenant's other records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import Throttled
from chalicelib.schedules.changes import remove
from chalicelib.schedules.records import ChangeOutcome, UnsureEntry
from chalicelib.schedules.settlement import ATTEMPTS

if TYPE_CHECKING:
    from chalicelib.schedules.records import ScheduleRecords, ScheduleState


class RemovableEntries(Protocol):
    """Entries of EventBridge Scheduler."""

    def remove(self, schedule_id: str) -> None:
        """Remove an entry; a missing one is no error."""


@dataclass(frozen=True, slots=True)
class ScheduleErasure:
    """Erases schedules with their entries, and with the rows by which they are found."""

    records: ScheduleRecords
    entries: RemovableEntries
    now: Callable[[], datetime]

    def erase(self, tenant: str) -> int:
        """Erase every schedule of `tenant` and return how many there were; may be repeated.

        Raises:
            Throttled: others kept changing a schedule for as long as we tried.
        """
        found = list(self.records.schedules(tenant, ""))
        for state in found:
            # Should this be cut off, the sweep finds the entry in doubt, and removes it.
            self._remove(state)
            self.entries.remove(state.schedule_id)
            self.records.forget(UnsureEntry(tenant, state.name, state.schedule_id))
        return len(found)

    def _remove(self, state: ScheduleState) -> None:
        for _ in range(ATTEMPTS):
            stored = self.records.schedule(state.tenant, state.name)
            if stored is None:
                return
            if self.records.change(remove(stored, self.now())) is ChangeOutcome.MADE:
                return
        raise Throttled(f"Others kept changing the schedule {state.name}.")

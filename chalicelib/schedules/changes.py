"""Changes of a schedule that its owner asks for: pause, resume, other terms, removal. Pure."""

from __future__ import annotations

from datetime import datetime

from chalicelib.contracts.schedules import ScheduleTerms
from chalicelib.errors import Conflict
from chalicelib.schedules.claims import cancelled_records
from chalicelib.schedules.records import ScheduleChange, ScheduleState

PAUSED = "It was paused on request."
REMOVED = "Its schedule was removed."


def pause(state: ScheduleState, reason: str, now: datetime) -> ScheduleChange | None:
    """Return the change that pauses a schedule, None if it is paused; its running run goes on.

    Raises:
        Conflict: the schedule has ended.
    """
    if state.status == "paused":
        return None
    if state.status == "ended":
        raise Conflict(f"{state.name} has ended: no further time comes.", field="name")
    after = state.model_copy(update={**paused_fields(reason), **_changed(state, now)})
    return ScheduleChange(state, after, cancelled_records(state, reason, now))


def paused_fields(reason: str) -> dict[str, object]:
    """Return what pausing changes of a state: no further time comes, and nothing waits."""
    return {
        "status": "paused",
        "reason": reason,
        "next_at": None,
        "waiting": (),
        "entry_known": False,
    }


def resume(state: ScheduleState, now: datetime) -> ScheduleChange | None:
    """Return the change by which a paused schedule runs again from now on, None if it runs.

    Raises:
        Conflict: no further time comes.
    """
    if state.status == "active":
        return None
    next_at = state.timing.after(now)
    if next_at is None:
        raise Conflict(
            f"No further time of {state.name} comes; give it another expression or end.",
            field="name",
        )
    fields = {"status": "active", "reason": "", "failures": 0, "next_at": next_at}
    after = state.model_copy(update={**fields, "entry_known": False, **_changed(state, now)})
    return ScheduleChange(state, after)


def replace_terms(
    state: ScheduleState, terms: ScheduleTerms, key: str, now: datetime
) -> ScheduleChange:
    """Return the change to other terms. Watermark and runs stay, and so does a pause."""
    replaced = state.model_copy(update={"terms": terms, "key": key})
    fields: dict[str, object] = {"entry_known": False, **_changed(state, now)}
    if state.status != "paused":
        # A claim may have come after `now`: what it decided about does not come again.
        next_at = replaced.timing.after(max(now, state.updated_at))
        fields |= {"next_at": next_at, "status": "ended" if next_at is None else "active"}
    return ScheduleChange(state, replaced.model_copy(update=fields))


def remove(state: ScheduleState, now: datetime) -> ScheduleChange:
    """Return the change that removes a schedule; what waits is cancelled."""
    return ScheduleChange(state, None, cancelled_records(state, REMOVED, now))


def _changed(state: ScheduleState, now: datetime) -> dict[str, object]:
    return {"revision": state.revision + 1, "updated_at": now}

"""Admission of waiting runs to seats. Pure.

It is fair between tenants, and one run of a schedule has a seat at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.schedule_runs import RunOrder
from chalicelib.contracts.schedules import ScheduleRun, work_json
from chalicelib.schedules.claims import run_record
from chalicelib.schedules.records import ReadySchedule, ScheduleChange, ScheduleState, Seat


def next_admitted(ready: Iterable[ReadySchedule], held: Mapping[str, int]) -> ReadySchedule:
    """Return which schedule gets the next seat.

    That is one of the tenant with the fewest seats; between equals, the one due first.

    Args:
        ready: the schedules of which a run waits, at least one.
        held: how many seats each tenant holds; 0 where it is missing.
    """
    return min(
        ready, key=lambda each: (held.get(each.tenant, 0), each.since, each.tenant, each.name)
    )


def admit(state: ScheduleState, now: datetime) -> ScheduleChange | None:
    """Return the change by which the first waiting run takes a seat, None if none may."""
    if not state.is_ready:
        return None
    first, *others = state.waiting
    seat = Seat(
        tenant=state.tenant,
        schedule=state.name,
        schedule_id=state.schedule_id,
        run_id=first.run_id,
        taken_at=now,
    )
    after = state.model_copy(
        update={
            "running": first.run_id,
            "cancels": False,
            "waiting": tuple(others),
            "revision": state.revision + 1,
            "updated_at": now,
        }
    )
    run = run_record(
        state,
        first,
        "running",
        job_id=first.run_id,
        attempts=1,
        started_at=now,
        watermark=state.watermark.at,
    )
    return ScheduleChange(state, after, (run,), takes=seat)


def run_input(state: ScheduleState, run: ScheduleRun, bucket: str) -> JobInput:
    """Return the job of the run that has the schedule's seat; its id is the run's."""
    work = state.terms.work
    order = RunOrder(
        schedule_id=state.schedule_id,
        schedule=state.name,
        trigger=run.trigger,
        scheduled_at=run.scheduled_at,
        work=work_json(work),
        budget=state.terms.budget,
        watermark=state.watermark,
        key=state.key,
    )
    return JobInput(
        tenant=state.tenant,
        job_id=run.run_id,
        kind="scheduled_run",
        bucket=bucket,
        correlation_id=run.run_id,
        run=order,
    )

"""Settlement of runs: what the end of a run's job means for the run and for its schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.schedule_runs import (
    RunCheckpoint,
    RunEnd,
    ScheduleEnded,
    SchedulePaused,
    Watermark,
)
from chalicelib.contracts.schedules import WORK, ScheduleRun
from chalicelib.errors import Conflict, Throttled
from chalicelib.jobs.receipts import describe_run, job_receipt
from chalicelib.schedules.changes import paused_fields
from chalicelib.schedules.claims import cancelled_records
from chalicelib.schedules.records import (
    ChangeOutcome,
    ScheduleChange,
    ScheduleRecords,
    ScheduleState,
    Seat,
)

if TYPE_CHECKING:
    from chalicelib.contracts.events import EventBus
    from chalicelib.contracts.jobs import JobInput
    from chalicelib.contracts.schedule_runs import RunOrder
    from chalicelib.jobs.launcher import JobLauncher, JobRecords
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.jobs.receipts import UnitCost

ATTEMPTS = 20
"""How often a change is retried while others change the same schedule."""
_LASTING = frozenset({"InvalidInput", "QuotaExceeded", "Unsupported", "NotFound"})
"""Errors that another attempt meets again."""
_ENDS: dict[str, RunEnd] = {
    "succeeded": "succeeded",
    "partial": "partial",
    "cancelled": "cancelled",
    "expired": "failed",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run. `watermark` is the schedule's from now on, None to keep its own."""

    status: RunEnd
    reason: str = ""
    attempts: int = 1
    counts: JobCounts | None = None
    receipt: Receipt | None = None
    results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    watermark: Watermark | None = None


def run_result(job: JobState, cost: UnitCost) -> RunResult:
    """Return the result of the run of a job that has ended."""
    place = RunCheckpoint.model_validate_json(job.checkpoint) if job.checkpoint else RunCheckpoint()
    status = _ENDS[job.job.status]
    told = job.job.model_copy(update={"receipt": job_receipt(job, cost)})
    shown = describe_run(told, job.checkpoint)
    error = job.job.error
    reason = f"{error.type}: {error.message}" if error is not None else ""
    if job.job.status == "expired":
        reason = "Its deadline passed before it was done."
    return RunResult(
        status=status,
        reason=reason,
        attempts=job.job.attempt,
        counts=job.job.counts,
        receipt=shown.receipt,
        results=place.results,
        notes=shown.notes,
        watermark=place.watermark if status in ("succeeded", "partial") else None,
    )


def is_tried_again(job: JobState, state: ScheduleState) -> bool:
    """Tell whether a run whose job has ended is tried once more."""
    error = job.job.error
    return (
        job.job.status == "failed"
        and state.running == job.input.job_id
        and not state.cancels
        and job.job.attempt <= state.terms.retries
        and (error is None or error.type not in _LASTING)
    )


def ended_run(run: ScheduleRun, result: RunResult, now: datetime) -> ScheduleRun:
    """Return the record of a run that has ended."""
    new = result.watermark.at if result.watermark is not None else run.watermark
    return run.model_copy(
        update={
            "status": result.status,
            "reason": result.reason,
            "attempts": result.attempts,
            "counts": result.counts,
            "receipt": result.receipt,
            "results": result.results,
            "notes": result.notes,
            "new_watermark": new,
            "ended_at": now,
        }
    )


def settle(
    state: ScheduleState, run: ScheduleRun, seat: Seat, result: RunResult, now: datetime
) -> ScheduleChange:
    """Return the change by which the run that has the schedule's seat ends.

    A schedule is paused after `pause_after` failed runs in a row.
    """
    ended = ended_run(run, result, now)
    failures = {"failed": state.failures + 1, "cancelled": state.failures}.get(result.status, 0)
    fields: dict[str, object] = {
        "running": "",
        "cancels": False,
        "failures": failures,
        "watermark": result.watermark or state.watermark,
        "last_run": ended,
        "revision": state.revision + 1,
        "updated_at": now,
    }
    cancelled: tuple[ScheduleRun, ...] = ()
    if (
        result.status == "failed"
        and state.status == "active"
        and failures >= state.terms.pause_after
    ):
        reason = f"{failures} runs failed in a row, the last because of: {result.reason}"[:500]
        fields |= paused_fields(reason)
        cancelled = cancelled_records(state, "Its schedule was paused.", now)
    after = state.model_copy(update=fields)
    return ScheduleChange(state, after, (ended, *cancelled), frees=seat)


@dataclass(frozen=True, slots=True)
class RunSettler:
    """Settles runs. An end is announced before it is recorded, so that none is lost."""

    records: ScheduleRecords
    jobs: JobRecords
    launcher: JobLauncher
    bus: EventBus
    cost: UnitCost
    now: Callable[[], datetime]

    def settle_job(self, given: JobInput) -> bool:
        """Settle the run of a job that ended, or try it again.

        Returns:
            whether the run ended now; False if it goes on, or was settled before.
        """
        job, seat = self.jobs.state(given.tenant, given.job_id), self.records.seat(given.job_id)
        if job is None or job.is_open or seat is None:
            return False
        state = self.records.schedule(seat.tenant, seat.schedule)
        if state is not None and is_tried_again(job, state) and self._retry(job):
            return False
        self.settle_run(seat, run_result(job, self.cost), job.input.run)
        return True

    def _retry(self, job: JobState) -> bool:
        """Try a run again; return False if it cannot be, as while its tenant is removed."""
        try:
            self.launcher.retry(job)
        except Conflict:
            again = self.jobs.state(job.input.tenant, job.input.job_id)
            return again is not None and again.is_open
        return True

    def settle_run(self, seat: Seat, result: RunResult, order: RunOrder | None = None) -> None:
        """End the run that holds `seat`. Its end is announced if it had begun, by its `order`.

        Raises:
            Throttled: others kept changing the schedule for as long as we tried.
        """
        if order is not None:
            self.bus.publish(_ended_event(seat, result, order, self.now()))
        is_announced = False
        for _ in range(ATTEMPTS):
            now = self.now()
            run = self.records.run(seat.tenant, seat.schedule_id, seat.run_id)
            state = self.records.schedule(seat.tenant, seat.schedule)
            if run is None or state is None or state.running != seat.run_id:
                self.records.free(seat, None if run is None else ended_run(run, result, now))
                return
            change = settle(state, run, seat, result, now)
            after = change.after
            if after is not None and after.status != state.status and not is_announced:
                self.bus.publish(_paused_event(after, seat.run_id, now))
                is_announced = True
            if self.records.change(change) is ChangeOutcome.MADE:
                return
            if self.records.seat(seat.run_id) is None:
                return
        raise Throttled(f"Others kept changing the schedule {seat.schedule}.")


def _ended_event(seat: Seat, result: RunResult, order: RunOrder, now: datetime) -> ScheduleEnded:
    work = WORK.validate_python(order.work)
    destinations = getattr(work, "results", ())
    return ScheduleEnded(
        tenant=seat.tenant,
        schedule=seat.schedule,
        run_id=seat.run_id,
        trigger=order.trigger,
        scheduled_at=order.scheduled_at,
        status=result.status,
        reason=result.reason,
        results=result.results,
        dollars=None if result.receipt is None else result.receipt.dollars,
        webhooks=tuple(each.webhook_id for each in destinations if each.type == "webhook"),
        correlation_id=seat.run_id,
        time=now,
    )


def _paused_event(state: ScheduleState, run_id: str, now: datetime) -> SchedulePaused:
    return SchedulePaused(
        tenant=state.tenant,
        schedule=state.name,
        failures=state.failures,
        reason=state.reason,
        correlation_id=run_id,
        time=now,
    )

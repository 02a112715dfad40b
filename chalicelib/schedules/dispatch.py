"""Dispatch of runs: times that are due become waiting runs, and these become jobs on seats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.errors import Conflict, HeadraceError, Throttled
from chalicelib.schedules.admission import admit, next_admitted, run_input
from chalicelib.schedules.claims import claim_due
from chalicelib.schedules.records import (
    ChangeOutcome,
    ReadySchedule,
    ScheduleRecords,
    ScheduleState,
    Seat,
)
from chalicelib.schedules.settlement import ATTEMPTS, RunResult, RunSettler

if TYPE_CHECKING:
    from chalicelib.contracts.schedules import ScheduleRun
    from chalicelib.jobs.launcher import JobLauncher, JobRecords

MAX_COMPARED = 1_000
"""The most schedules whose runs are compared at once; the turn of others comes later."""
PRECISION = timedelta(minutes=1)
"""A trigger of EventBridge Scheduler comes within the minute of its time."""
NEVER_BEGUN = "It was cancelled before it began."


@dataclass(frozen=True, slots=True)
class RunDispatcher:
    """Claims what is due and begins what waits. Any number of processes may do so at once."""

    records: ScheduleRecords
    jobs: JobRecords
    launcher: JobLauncher
    settler: RunSettler
    max_running: int
    bucket: str
    now: Callable[[], datetime]

    def claim(self, tenant: str, name: str, told: datetime | None = None) -> bool:
        """Decide about all times of a schedule that are due; return whether any was.

        A time within the minute that a trigger has `told` counts as due: a trigger comes at any
        second of its minute, and so may come before a time that has seconds.
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html

        Raises:
            Throttled: others kept changing the schedule for as long as we tried.
        """
        is_any = False
        for _ in range(ATTEMPTS):
            state = self.records.schedule(tenant, name)
            change = None if state is None else claim_due(state, self._due_until(state, told))
            if change is None:
                return is_any
            if self.records.change(change) is ChangeOutcome.MADE:
                is_any = True
                self.cancel_superseded(change.after)
        raise Throttled(f"Others kept changing the schedule {name}.")

    def _due_until(self, state: ScheduleState, told: datetime | None) -> datetime:
        now, following = self.now(), state.next_at
        if told is None or following is None or following - now > PRECISION:
            return now
        is_told = following.replace(second=0, microsecond=0) == told.replace(
            second=0, microsecond=0
        )
        return max(now, following) if is_told else now

    def cancel_superseded(self, state: ScheduleState | None) -> None:
        """Cancel the run that goes on, where a newer one waits for its place."""
        if state is not None and state.cancels:
            seat = self.records.seat(state.running)
            if seat is not None:
                self.cancel(seat)

    def cancel(self, seat: Seat) -> None:
        """Cancel the run that holds `seat`; it is settled once its job has cleaned up.

        A job that was not launched is launched first: whoever is about to do so finds it there.
        """
        job = self.jobs.state(seat.tenant, seat.run_id)
        if job is None and not self.relaunch(seat):
            self.settler.settle_run(seat, RunResult("cancelled", NEVER_BEGUN, attempts=0))
            return
        job = job or self.jobs.state(seat.tenant, seat.run_id)
        if job is not None and job.is_open:
            with suppress(Conflict):  # it ended meanwhile
                self.launcher.cancel(job)

    def relaunch(self, seat: Seat) -> bool:
        """Launch the job of the run that holds `seat`; return False if its schedule is gone."""
        state = self.records.schedule(seat.tenant, seat.schedule)
        run = self.records.run(seat.tenant, seat.schedule_id, seat.run_id)
        if state is None or run is None or state.running != seat.run_id:
            return False
        self.launch(state, run)
        return True

    def admit(self) -> int:
        """Begin waiting runs while seats are free; return how many.

        Raises:
            HeadraceError: a run could not be begun; others were.
        """
        held = Counter(seat.tenant for seat in self.records.seats())
        if held.total() >= self.max_running:
            return 0
        ready = list(islice(self.records.ready(), MAX_COMPARED))
        begun, problem = 0, None
        while ready and held.total() < self.max_running:
            chosen = next_admitted(ready, held)
            ready.remove(chosen)
            try:
                result = self._begin(chosen)
            except HeadraceError as error:
                problem = error
                continue
            if result is ChangeOutcome.FULL:
                break
            if result is ChangeOutcome.MADE:
                held[chosen.tenant] += 1
                begun += 1
        if problem is not None:
            raise problem
        return begun

    def _begin(self, chosen: ReadySchedule) -> ChangeOutcome:
        """Give the first waiting run of a schedule a seat, and launch its job."""
        for _ in range(ATTEMPTS):
            state = self.records.schedule(chosen.tenant, chosen.name)
            change = None if state is None else admit(state, self.now())
            if change is None:  # another process was quicker
                return ChangeOutcome.OUTDATED
            result = self.records.change(change, self.max_running)
            if result is ChangeOutcome.MADE and change.after is not None:
                self.launch(change.after, change.runs[0])
            if result is not ChangeOutcome.OUTDATED:
                return result
        raise Throttled(f"Others kept changing the schedule {chosen.name}.")

    def launch(self, state: ScheduleState, run: ScheduleRun) -> None:
        """Launch the job of the run that has the schedule's seat; may be repeated."""
        try:
            self.launcher.launch(run_input(state, run, self.bucket))
        except Conflict as error:  # the tenant is being removed
            seat = self.records.seat(run.run_id)
            if seat is not None:
                result = RunResult("cancelled", error.message, attempts=0)
                self.settler.settle_run(seat, result)

"""Handlers of Lambda's events about schedules, and the sweep of what they did not finish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import ValidationError

from chalicelib.contracts.schedule_runs import ScheduleDue
from chalicelib.errors import InvalidInput
from chalicelib.jobs.job_settlement import GRACE, SweepErrors
from chalicelib.observability import Observation, observed
from chalicelib.schedules.records import ScheduleChange, UnsureEntry

if TYPE_CHECKING:
    from chalicelib.contracts.jobs import JobInput
    from chalicelib.schedules.dispatch import RunDispatcher
    from chalicelib.schedules.entries import EntryKeeper
    from chalicelib.schedules.records import ScheduleRecords, ScheduleState, Seat
    from chalicelib.schedules.settlement import RunSettler

OVERDUE = timedelta(minutes=5)
"""The time after a schedule's window in which its trigger may come, before the sweep does its work.

EventBridge Scheduler invokes within 60 seconds.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""


@dataclass(frozen=True, slots=True)
class ScheduleHandlers:
    """Handlers of events about schedules, which `app.py` binds."""

    records: ScheduleRecords
    dispatcher: RunDispatcher
    settler: RunSettler
    entries: EntryKeeper

    def schedule_due(self, event: dict[str, Any]) -> dict[str, Any]:
        """Claim what is due of each schedule that a message names, and begin what waits.

        Returns:
            which messages have to come again.
        """
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        response = process_partial_response(event, self._take, processor)
        return {"batchItemFailures": response["batchItemFailures"]}

    def run_ended(self, given: JobInput) -> None:
        """Settle the run of a job that ended, and begin what waited for it."""
        if given.kind != "scheduled_run" or given.run is None:
            return
        with observed("run_ended", given.job_id) as observation:
            if self.settler.settle_job(given):
                observation.became("settled")
                self.dispatcher.claim(given.tenant, given.run.schedule)
                self.dispatcher.admit()

    def sweep(self) -> None:
        """Do what triggers, ends and crashes left undone.

        Times that are overdue are claimed, entries that are in doubt put right, and each run that
        holds a seat is begun, cancelled or settled. What waits is begun.

        Raises:
            HeadraceError: something could not be done, of the kind that says why; the next sweep
                tries again.
        """
        with observed("sweep_schedules") as observation:
            errors = SweepErrors(observation.log)
            self._claim_overdue(observation, errors)
            for entry in list(self.records.unsure_entries()):
                with errors.collected(entry.schedule_id):
                    self.entries.settle(entry)
            for seat in self.records.seats():
                with errors.collected(seat.run_id):
                    self._look_after(seat)
            with errors.collected("admission"):
                self.dispatcher.admit()
            errors.tell("schedules")

    def _take(self, record: SQSRecord) -> None:
        with observed("schedule_due", record.message_id) as observation:
            due = _parsed(record.body)
            state = self.records.schedule(due.tenant, due.schedule)
            if state is None or state.schedule_id != due.schedule_id:
                self.records.doubt(UnsureEntry(due.tenant, due.schedule, due.schedule_id))
                observation.became("unknown")
                return
            if self.dispatcher.claim(due.tenant, due.schedule, due.scheduled_at):
                observation.became("claimed")
            elif state.status != "active":
                self._doubt(state)
            self.dispatcher.admit()

    def _doubt(self, state: ScheduleState) -> None:
        """Let the sweep look at the entry of a schedule that should not have been triggered."""
        fields = {"entry_known": False, "revision": state.revision + 1}
        self.records.change(ScheduleChange(state, state.model_copy(update=fields)))

    def _claim_overdue(self, observation: Observation, errors: SweepErrors) -> None:
        """Claim what no trigger came for, and make the entries anew that should have sent one."""
        until = self.dispatcher.now() - OVERDUE
        for due in list(self.records.due(until)):
            if due.next_at + due.window > until:
                continue
            with errors.collected(due.name):
                if self.dispatcher.claim(due.tenant, due.name):
                    observation.became("overdue")
                self.entries.keep(due.tenant, due.name)

    def _look_after(self, seat: Seat) -> None:
        if self.dispatcher.now() - seat.taken_at < GRACE:
            return
        state = self.records.schedule(seat.tenant, seat.schedule)
        if state is not None and state.running != seat.run_id:
            state = None
        jobs = self.dispatcher.jobs
        job = jobs.state(seat.tenant, seat.run_id)
        if state is None or state.cancels:
            self.dispatcher.cancel(seat)
        elif job is None:
            self.dispatcher.relaunch(seat)
        if job is None or job.is_open:
            return
        if jobs.running_job(job.input.execution_name) is None:
            self.run_ended(job.input)


def _parsed(body: str) -> ScheduleDue:
    try:
        return ScheduleDue.model_validate_json(body)
    except ValidationError as error:
        raise InvalidInput(
            f"Not the time of a schedule: {error.error_count()} problems."
        ) from error

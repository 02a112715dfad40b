"""Schedules, jobs and entries in memory, whose process may be cut off between any two writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.jobs import JobError, JobInput
from chalicelib.contracts.schedules import ScheduleRun, ScheduleTerms
from chalicelib.errors import Conflict, HeadraceError
from chalicelib.generation.catalogue import catalogue
from chalicelib.jobs.job_settlement import JobHandlers, JobSettler
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState, RunningJob, final_counts
from chalicelib.jobs.ulids import ulid, ulid_of
from chalicelib.schedules.dispatch import RunDispatcher
from chalicelib.schedules.entries import EntryKeeper, SchedulerEntry
from chalicelib.schedules.handlers import ScheduleHandlers
from chalicelib.schedules.library import CheckTerms, ScheduleLibrary
from chalicelib.schedules.records import (
    ChangeOutcome,
    DueSchedule,
    ReadySchedule,
    ScheduleChange,
    ScheduleState,
    Seat,
    UnsureEntry,
)
from chalicelib.schedules.settlement import RunSettler
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

BEGAN = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
BUCKET = "headrace-test-documents"
REPORT = {"kind": "report", "results": [{"type": "webhook", "webhook_id": "wh_1"}]}


class PowerCut(Exception):  # noqa: N818 - no error: the process is gone
    """Raised where a process is cut off."""


@dataclass
class Power:
    """Lets `writes` more writes happen, and cuts the process off at the next; None for any."""

    writes: int | None = None

    def write(self) -> None:
        if self.writes == 0:
            raise PowerCut
        if self.writes is not None:
            self.writes -= 1


@dataclass
class FakeSchedules:
    """Schedules by tenant and name. `checks` are called with every change that is made."""

    power: Power = field(default_factory=Power)
    states: dict[tuple[str, str], ScheduleState] = field(default_factory=dict)
    kept: dict[str, dict[str, ScheduleRun]] = field(default_factory=dict)
    taken: dict[str, Seat] = field(default_factory=dict)
    doubts: dict[str, UnsureEntry] = field(default_factory=dict)
    created: Counter[str] = field(default_factory=Counter)
    checks: list[Callable[[ScheduleChange], None]] = field(default_factory=list)
    outdated: int = 0
    """So many of the next changes are refused, as if others were quicker."""

    def schedule(self, tenant: str, name: str) -> ScheduleState | None:
        return self.states.get((tenant, name))

    def schedules(self, tenant: str, after: str) -> Iterator[ScheduleState]:
        for (owner, name), state in sorted(self.states.items()):
            if owner == tenant and name > after:
                yield state

    def creations(self, tenant: str) -> int:
        return self.created[tenant]

    def create(self, state: ScheduleState, creations: int) -> ChangeOutcome:
        if (state.tenant, state.name) in self.states:
            raise Conflict(f"There is a schedule {state.name}.", field="name")
        self.power.write()
        if self.created[state.tenant] != creations:
            return ChangeOutcome.OUTDATED
        self.states[state.tenant, state.name] = state
        self.created[state.tenant] += 1
        return ChangeOutcome.MADE

    def change(self, change: ScheduleChange, max_running: int = 0) -> ChangeOutcome:
        self.power.write()
        before = change.before
        key = (before.tenant, before.name)
        if self.outdated or self.states.get(key) != before:
            self.outdated = max(0, self.outdated - 1)
            return ChangeOutcome.OUTDATED
        if change.takes is not None and len(self.taken) >= max_running:
            return ChangeOutcome.FULL
        assert len({run.run_id for run in change.runs}) == len(change.runs)
        assert len(change.runs) + 8 <= 100, "DynamoDB takes 100 writes in a transaction"
        for check in self.checks:
            check(change)
        if change.takes is not None:
            assert change.takes.run_id not in self.taken
            self.taken[change.takes.run_id] = change.takes
        if change.frees is not None:
            del self.taken[change.frees.run_id]
        for run in change.runs:
            self.kept.setdefault(before.schedule_id, {})[run.run_id] = run
        if change.after is None:
            del self.states[key]
            self.doubts[before.schedule_id] = UnsureEntry(*key, before.schedule_id)
        else:
            assert change.after.revision == before.revision + 1
            self.states[key] = change.after
        return ChangeOutcome.MADE

    def run(self, tenant: str, schedule_id: str, run_id: str) -> ScheduleRun | None:
        return self.kept.get(schedule_id, {}).get(run_id)

    def runs(self, tenant: str, schedule_id: str, after: str) -> Iterator[ScheduleRun]:
        for run_id, run in sorted(self.kept.get(schedule_id, {}).items(), reverse=True):
            if not after or run_id < after:
                yield run

    def seat(self, run_id: str) -> Seat | None:
        return self.taken.get(run_id)

    def seats(self) -> list[Seat]:
        return list(self.taken.values())

    def free(self, seat: Seat, run: ScheduleRun | None) -> None:
        self.power.write()
        if self.taken.pop(seat.run_id, None) is not None and run is not None:
            self.kept.setdefault(seat.schedule_id, {})[run.run_id] = run

    def ready(self) -> Iterator[ReadySchedule]:
        for state in list(self.states.values()):
            if state.is_ready:
                yield ReadySchedule(state.tenant, state.name, state.waiting[0].scheduled_at)

    def due(self, until: datetime) -> Iterator[DueSchedule]:
        for state in list(self.states.values()):
            if state.next_at is not None and state.next_at <= until:
                yield DueSchedule(state.tenant, state.name, state.next_at, state.window)

    def doubt(self, entry: UnsureEntry) -> None:
        self.power.write()
        self.doubts[entry.schedule_id] = entry

    def unsure_entries(self) -> Iterator[UnsureEntry]:
        for state in list(self.states.values()):
            if not state.entry_known:
                yield UnsureEntry(state.tenant, state.name, state.schedule_id)
        yield from list(self.doubts.values())

    def forget(self, entry: UnsureEntry) -> None:
        self.power.write()
        self.doubts.pop(entry.schedule_id, None)


@dataclass
class FakeEntries:
    """Entries of EventBridge Scheduler by the id of their schedule. `fails` is raised by writes."""

    power: Power = field(default_factory=Power)
    kept: dict[str, SchedulerEntry] = field(default_factory=dict)
    fails: HeadraceError | None = None

    def put(self, entry: SchedulerEntry) -> None:
        self.power.write()
        if self.fails is not None:
            raise self.fails
        self.kept[entry.schedule_id] = entry

    def remove(self, schedule_id: str) -> None:
        self.power.write()
        self.kept.pop(schedule_id, None)


@dataclass
class CutJobs(FakeJobs):
    """Jobs whose writes need power."""

    power: Power = field(default_factory=Power)

    def begin(self, state: JobState, now: datetime) -> bool:
        self.power.write()
        return super().begin(state, now)

    def begin_again(self, state: JobState, now: datetime) -> None:
        self.power.write()
        super().begin_again(state, now)

    def cancel(self, state: JobState, now: datetime) -> None:
        self.power.write()
        super().cancel(state, now)

    def leave(self, running: RunningJob) -> None:
        self.power.write()
        super().leave(running)


@dataclass
class CutExecutions(FakeJobExecutions):
    """Executions whose starts need power."""

    power: Power = field(default_factory=Power)

    def start(self, given: JobInput) -> None:
        self.power.write()
        super().start(given)


@dataclass
class CutBus:
    """Events that were published."""

    power: Power = field(default_factory=Power)
    events: list[BusEvent] = field(default_factory=list)

    def publish(self, event: BusEvent) -> None:
        self.power.write()
        self.events.append(event)


class Room:
    """The whole room on fakes, at a time that the test moves."""

    def __init__(self, max_running: int = 2) -> None:
        self.now = BEGAN
        self.power = Power()
        self.records = FakeSchedules(self.power)
        self.entries = FakeEntries(self.power)
        self.jobs = CutJobs(power=self.power)
        self.executions = CutExecutions(power=self.power)
        self.bus = CutBus(self.power)
        clock = self.clock
        launcher = JobLauncher(self.jobs, self.executions, clock)
        self.settler = RunSettler(
            self.records, self.jobs, launcher, self.bus, catalogue().cost, clock
        )
        self.dispatcher = RunDispatcher(
            self.records, self.jobs, launcher, self.settler, max_running, BUCKET, clock
        )
        self.deleted: set[str] = set()
        """Prefixes whose objects were deleted."""
        self.keeper = EntryKeeper(self.records, self.entries, self._delete_objects, clock)
        self.handlers = ScheduleHandlers(self.records, self.dispatcher, self.settler, self.keeper)
        self.job_handlers = JobHandlers(
            JobSettler(self.jobs, self.executions, self.bus, clock, self.handlers.run_ended),
            self.jobs,
        )

    def clock(self) -> datetime:
        return self.now

    def _delete_objects(self, prefix: str) -> None:
        self.power.write()
        self.deleted.add(prefix)

    def library(self, check: CheckTerms = lambda tenant, terms: None) -> ScheduleLibrary:
        """Return what an owner changes schedules by."""
        return ScheduleLibrary(self.records, self.keeper, self.dispatcher, check, self.clock, ulid)

    def create(self, name: str, tenant: str = "acme", **terms: Any) -> ScheduleState:
        """Make a schedule that is due every hour, with its entry."""
        said = {"expression": "rate(1 hour)", "work": REPORT, **terms}
        state = ScheduleState(
            tenant=tenant,
            schedule_id=ulid_of(self.now, f"{tenant} {name}"),
            name=name,
            terms=ScheduleTerms.model_validate(said),
            created_at=self.now,
            updated_at=self.now,
        )
        state = state.model_copy(update={"next_at": state.timing.after(self.now)})
        self.records.create(state, self.records.creations(tenant))
        self.keeper.keep(tenant, name)
        return self.state(name, tenant)

    def state(self, name: str, tenant: str = "acme") -> ScheduleState:
        return self.records.states[tenant, name]

    def history(self, state: ScheduleState) -> list[ScheduleRun]:
        """Return the runs of a schedule, the oldest first."""
        return list(self.records.runs(state.tenant, state.schedule_id, ""))[::-1]

    def trigger(self, *states: ScheduleState) -> list[str]:
        """Deliver the message of each schedule; return the ids of those that come again."""
        failed = []
        for n, state in enumerate(states):
            due = {
                "tenant": state.tenant,
                "schedule": state.name,
                "schedule_id": state.schedule_id,
                "scheduled_at": self.now.isoformat(),
            }
            record = {"messageId": str(n), "body": json.dumps(due), "eventSource": "aws:sqs"}
            answer = self.handlers.schedule_due({"Records": [record]})
            failed += [each["itemIdentifier"] for each in answer["batchItemFailures"]]
        return failed

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def end(self, run_id: str, status: str = "succeeded", checkpoint: str = "") -> None:
        """End the execution of a run's newest attempt, which recorded `status`, and settle it."""
        state = next(each for (_, job), each in self.jobs.kept.items() if job == run_id)
        if state.is_open:
            counts = final_counts(state.counted, status)  # type: ignore[arg-type]
            told: dict[str, Any] = {"status": status, "counts": counts}
            if status == "failed":
                told["error"] = JobError(type="ModelFailure", message="no answer")
            job = state.job.model_copy(update=told)
            state = replace(state, job=job, checkpoint=checkpoint)
            self.jobs.kept[state.input.tenant, run_id] = state
        self.executions.ends[state.input.execution_name] = "SUCCEEDED"
        running = self.jobs.executions.get(state.input.execution_name)
        if running is not None:
            self.job_handlers.settlements.settle(running, "SUCCEEDED")

    def sweep(self) -> None:
        self.job_handlers.sweep()
        self.handlers.sweep()

"""Runs executions: takes steps, commits them, and then lets their effects out.

Each execution is a small state machine of its own, moved by whoever holds its lock. Nothing
leaves it (a call, a timer, an answer to a caller) before the commit that tells of it. What
concerns two executions goes through the schedule, so that no thread holds two locks.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias

from localcloud.errors import AwsError
from localcloud.stepfunctions.engine import history
from localcloud.stepfunctions.engine.errands import (
    Alarm,
    Call,
    Conduct,
    Due,
    Errand,
    Follow,
    Signal,
    Started,
)
from localcloud.stepfunctions.engine.model import (
    MAP_RUN,
    Abandoned,
    Changes,
    Phase,
    Run,
    Status,
    Strand,
)
from localcloud.stepfunctions.engine.schedule import Schedule
from localcloud.stepfunctions.engine.visit import Surround, Visit
from localcloud.stepfunctions.engine.walk import Walk, end, is_awaited, redrive
from localcloud.stepfunctions.language.states import Task
from localcloud.stepfunctions.language.values import JsonObject

OnEnd: TypeAlias = Callable[[Run], None]

_LOOK_EVERY_S = 600.0
_COMMIT_AGAIN_S = 1.0
STEPS_A_COMMIT = 50
"""How many steps an execution may take before they are committed and others get their turn."""


class Caller(Protocol):
    """Makes the calls of tasks. Each method blocks until it is answered, and does not raise."""

    def call(self, run: Run, resource_arn: str, data: JsonObject, *, again: bool) -> Signal:
        """Make a task's call; `data` is what the task was scheduled with."""

    def follow(self, run: Run, resource_arn: str, data: JsonObject) -> Signal | None:
        """Ask how a submitted job stands; None means that it is not done."""

    def cancel(self, abandoned: Abandoned, role_arn: str) -> None:
        """Stop a job, if it can be stopped."""


class MapRuns(Protocol):
    """Conducts distributed Maps."""

    def conduct(self, run: Run, strand: Strand) -> None:
        """Begin or go on with the Map Run of a strand; it ends with a signal to the strand."""

    def abandon(self, map_run_arn: str) -> None:
        """Stop a Map Run whose execution goes on without it."""


class Ledger(Protocol):
    """Stores what has changed of an execution."""

    def commit(self, run: Run) -> None: ...


class Engine:
    """The running executions.

    `ledger` stores Standard executions; Express ones live in memory only, as at AWS a crash
    may lose them. `follow_every_s` is how often a job is asked after, in seconds.
    """

    def __init__(
        self,
        walk: Walk,
        ledger: Ledger,
        schedule: Schedule,
        surround: Surround,
        caller: Caller,
        *,
        steps_a_commit: int = STEPS_A_COMMIT,
        follow_every_s: float = 1.0,
    ) -> None:
        self._walk = walk
        self._ledger = ledger
        self._schedule = schedule
        self._surround = surround
        self._caller = caller
        self._steps_a_commit = steps_a_commit
        self._follow_every_s = follow_every_s
        self._map_runs: MapRuns | None = None
        self._guard = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._on_end: dict[str, list[OnEnd]] = {}
        self._following: dict[str, dict[tuple[str, int, int], Callable[[], None]]] = {}
        self._stopped = threading.Event()

    def conduct_with(self, map_runs: MapRuns) -> None:
        """Say who conducts Map Runs."""
        self._map_runs = map_runs

    def stop(self) -> None:
        """Take no more steps; running executions go on after the next start."""
        self._stopped.set()

    def check_open(self) -> None:
        """Raise ServiceUnavailable once the engine is stopped: nothing more would be kept."""
        if self._stopped.is_set():
            raise AwsError("ServiceUnavailable", "The local cloud is stopping.", 503)

    def find(self, arn: str) -> Run | None:
        """Return an execution that is running."""
        with self._guard:
            return self._runs.get(arn)

    def begin(self, run: Run, on_end: OnEnd | None = None) -> None:
        """Commit a new execution and let it run. Nothing is left of it if the commit fails."""
        self.check_open()
        with run.lock:
            root = run.spawn(None, 0, run.machine.start_at, run.identity.input)
            visit = Visit(run, root, self._surround)
            visit.record("ExecutionStarted", _started(run), previous=0)
            seconds = run.identity.timeout_seconds
            if seconds is not None:
                run.deadline = run.identity.started + seconds
            run.changes.status_changed = True
            self._commit_or_refuse(run)
            self._take_in(run, on_end)
        self._launch(run)

    def resume(self, run: Run, on_end: OnEnd | None = None) -> None:
        """Let an execution go on from its last commit after a restart."""
        with run.lock:
            self._take_in(run, on_end)
            for strand in run.strands.values():
                visit = Visit(run, strand, self._surround)
                for errand in self._walk.errands(visit):
                    self._dispatch(run, strand, errand)
            run.ready.extend(_ready(run))
        self._launch(run)

    def redrive(self, run: Run, on_end: OnEnd | None = None) -> None:
        """Let an execution that ended without success go on from where it failed."""
        self.check_open()
        with run.lock:
            redrive(Visit(run, run.strands[0], self._surround))
            seconds = run.identity.timeout_seconds
            if seconds is not None:
                run.deadline = self._schedule.now() + seconds
            self._commit_or_refuse(run)
            self._take_in(run, on_end)
        self._launch(run)

    def signal(self, arn: str, strand_id: int, ticket: int, signal: Signal) -> bool:
        """Hand a strand what it waits for; return whether it was still waiting for that."""
        run = self.find(arn)
        if run is None or self._stopped.is_set():
            return False
        with run.lock:
            strand = run.strands.get(strand_id)
            if (
                run.status is not Status.RUNNING
                or strand is None
                or strand.ticket != ticket
                or not is_awaited(signal, strand)
            ):
                return False
            self._walk.receive(Visit(run, strand, self._surround), signal)
            committed = self._commit(run)
        self._launch(run)
        return committed

    def inside(self, arn: str, strand_id: int, work: Callable[[Visit], None]) -> bool:
        """Run `work` with the visit of a strand, under the lock of its running execution."""
        run = self.find(arn)
        if run is None:
            return False
        with run.lock:
            if run.status is not Status.RUNNING or strand_id not in run.strands:
                return False
            work(Visit(run, run.strands[strand_id], self._surround))
            return True

    def halt(self, arn: str, status: Status, error: str | None, cause: str | None) -> bool:
        """End a running execution from outside; return whether it was running."""
        run = self.find(arn)
        if run is None:
            return False
        with run.lock:
            if run.status is not Status.RUNNING:
                return False
            end(Visit(run, run.strands[0], self._surround), status, error=error, cause=cause)
            return self._commit(run)

    def bury(self, run: Run, status: Status) -> None:
        """End an execution that was restored and not resumed."""
        with run.lock:
            end(Visit(run, run.strands[0], self._surround), status)
            self._commit(run)

    def _take_in(self, run: Run, on_end: OnEnd | None) -> None:
        arn = run.identity.arn
        with self._guard:
            self._runs[arn] = run
            if on_end is not None:
                self._on_end.setdefault(arn, []).append(on_end)
        if run.deadline is not None:
            self._later(run.deadline, lambda: self._expire(run), lambda: self._expires(run))

    def _expire(self, run: Run) -> None:
        if run.deadline is not None and run.deadline <= self._schedule.now():
            self.halt(run.identity.arn, Status.TIMED_OUT, None, None)

    def _expires(self, run: Run) -> bool:
        return run.status is Status.RUNNING

    def _later(self, due: float, work: Callable[[], None], wanted: Callable[[], bool]) -> None:
        """Do `work` at `due` if it is wanted then; look now and then, to forget what is not."""

        def ring() -> None:
            if not wanted():
                return
            if due <= self._schedule.now():
                work()
            else:
                self._later(due, work, wanted)

        self._schedule.at(min(due, self._schedule.now() + _LOOK_EVERY_S), ring)

    def _launch(self, run: Run) -> None:
        if run.ready:
            self._schedule.soon(lambda: self._drain(run))

    def _drain(self, run: Run) -> None:
        with run.lock:
            for _ in range(self._steps_a_commit):
                if not run.ready or run.status is not Status.RUNNING or self._stopped.is_set():
                    break
                strand = run.strands.get(run.ready.popleft())
                if strand is not None:
                    self._walk.step(Visit(run, strand, self._surround))
            self._commit(run)
        if not self._stopped.is_set():
            self._launch(run)

    def _commit(self, run: Run) -> bool:
        """Store the changes, then let out what they brought about.

        Return False, with nothing stored, once the engine is stopped. If the disk refuses, the
        changes are kept and tried again.
        """
        if self._stopped.is_set():
            return False
        if run.changes and run.identity.kind == "STANDARD":
            try:
                self._ledger.commit(run)
            except sqlite3.Error:
                due = self._schedule.now() + _COMMIT_AGAIN_S
                self._schedule.at(due, lambda: self._drain(run))
                raise
        changes, run.changes = run.changes, Changes()
        woken, run.woken = run.woken, {}
        sent, run.sent = run.sent, []
        abandoned, run.abandoned = run.abandoned, []
        for strand in woken.values():
            for errand in self._walk.errands(Visit(run, strand, self._surround)):
                self._dispatch(run, strand, errand)
        if run.status is Status.RUNNING:
            for strand, errand in sent:
                self._dispatch(run, strand, errand)
        for one in abandoned:
            self._abandon(run, one)
        if changes.status_changed and run.status is not Status.RUNNING:
            self._let_go(run)
        return True

    def _commit_or_refuse(self, run: Run) -> None:
        if not self._commit(run):
            self.check_open()

    def _let_go(self, run: Run) -> None:
        arn = run.identity.arn
        with self._guard:
            self._runs.pop(arn, None)
            waiting = self._on_end.pop(arn, [])
            followers = self._following.pop(arn, {})
        for follow in followers.values():
            self._schedule.apart(follow)
        for on_end in waiting:
            self._schedule.soon(lambda on_end=on_end: on_end(run))  # type: ignore[misc]

    def _abandon(self, run: Run, one: Abandoned) -> None:
        if one.resource == MAP_RUN:
            map_runs, arn = self._map_runs, str(one.job)
            if map_runs is not None:
                self._schedule.apart(lambda: map_runs.abandon(arn))
            return
        role = run.identity.role_arn
        self._schedule.apart(lambda: self._caller.cancel(one, role))

    def _dispatch(self, run: Run, strand: Strand, errand: Errand) -> None:
        arn, strand_id, ticket = run.identity.arn, strand.id, strand.ticket
        match errand:
            case Alarm(due, alarm):
                self._later(
                    due,
                    lambda: self._ring(arn, strand_id, ticket, alarm),
                    lambda: run.status is Status.RUNNING and strand.ticket == ticket,
                )
            case Call(again):
                self._schedule.apart(lambda: self._call(run, strand_id, ticket, again))
            case Follow():
                self._schedule.apart(lambda: self._follow(run, strand_id, ticket))
            case Conduct():
                if self._map_runs is None:
                    raise LookupError("nobody conducts Map Runs")
                self._map_runs.conduct(run, strand)

    def _ring(self, arn: str, strand_id: int, ticket: int, alarm: str) -> None:
        self.signal(arn, strand_id, ticket, Due(alarm))

    def _call(self, run: Run, strand_id: int, ticket: int, again: bool) -> None:
        arn = run.identity.arn
        if not self.signal(arn, strand_id, ticket, Started()):
            return
        task = self._task(run, strand_id, ticket)
        if task is not None:
            answer = self._caller.call(run, *task, again=again)
            self.signal(arn, strand_id, ticket, answer)

    def _follow(self, run: Run, strand_id: int, ticket: int) -> None:
        task = self._task(run, strand_id, ticket)
        if task is None or self._stopped.is_set():
            return
        answer = self._caller.follow(run, *task)
        if answer is not None:
            self.signal(run.identity.arn, strand_id, ticket, answer)
            return
        self._follow_later(run, strand_id, ticket, str(task[1]["job"]))

    def _follow_later(self, run: Run, strand_id: int, ticket: int, job: str) -> None:
        """Ask again after a while, or as soon as the job has ended if it is an execution here."""

        def follow() -> None:
            with self._guard:
                waiting = self._following.get(job, {})
                waiting.pop((run.identity.arn, strand_id, ticket), None)
                if not waiting:
                    self._following.pop(job, None)
            self._follow(run, strand_id, ticket)

        with self._guard:
            waiting = self._following.setdefault(job, {})
            waiting[run.identity.arn, strand_id, ticket] = follow
        due = self._schedule.now() + self._follow_every_s
        self._schedule.at(due, lambda: self._schedule.apart(follow))

    def _task(self, run: Run, strand_id: int, ticket: int) -> tuple[str, JsonObject] | None:
        with run.lock:
            strand = run.strands.get(strand_id)
            if strand is None or strand.ticket != ticket or run.status is not Status.RUNNING:
                return None
            state = run.state_of(strand)
            return (state.resource, dict(strand.data)) if isinstance(state, Task) else None


def _started(run: Run) -> JsonObject:
    return {**history.given("input", run.identity.input), "roleArn": run.identity.role_arn}


def _ready(run: Run) -> list[int]:
    return [one.id for one in run.strands.values() if one.phase in (Phase.ENTER, Phase.AGAIN)]

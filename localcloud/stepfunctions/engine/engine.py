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
from localcloud.stepfunctions.engine.dispatch import Caller, Dispatcher, MapRuns
from localcloud.stepfunctions.engine.errands import Signal
from localcloud.stepfunctions.engine.model import Changes, Phase, Run, Status
from localcloud.stepfunctions.engine.schedule import Schedule
from localcloud.stepfunctions.engine.visit import Surround, Visit
from localcloud.stepfunctions.engine.walk import Walk, end, is_awaited, redrive
from localcloud.stepfunctions.language.values import JsonObject

OnEnd: TypeAlias = Callable[[Run], None]

_COMMIT_AGAIN_S = 1.0
STEPS_A_COMMIT = 50
"""How many steps an execution may take before they are committed and others get their turn."""


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
        self._errands = Dispatcher(schedule, caller, self.signal, follow_every_s)
        self._steps_a_commit = steps_a_commit
        self._guard = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._on_end: dict[str, list[OnEnd]] = {}
        self._stopped = threading.Event()

    def conduct_with(self, map_runs: MapRuns) -> None:
        """Say who conducts Map Runs."""
        self._errands.conduct_with(map_runs)

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
                    self._errands.dispatch(run, strand, errand)
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
            self._errands.later(run.deadline, lambda: self._expire(run), lambda: self._expires(run))

    def _expire(self, run: Run) -> None:
        if run.deadline is not None and run.deadline <= self._schedule.now():
            self.halt(run.identity.arn, Status.TIMED_OUT, None, None)

    def _expires(self, run: Run) -> bool:
        return run.status is Status.RUNNING

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
        changes of a running execution are kept and tried again.
        """
        if self._stopped.is_set():
            return False
        if run.changes and run.identity.kind == "STANDARD":
            self._store(run)
        changes, run.changes = run.changes, Changes()
        woken, run.woken = run.woken, {}
        sent, run.sent = run.sent, []
        abandoned, run.abandoned = run.abandoned, []
        for strand in woken.values():
            for errand in self._walk.errands(Visit(run, strand, self._surround)):
                self._errands.dispatch(run, strand, errand)
        if run.status is Status.RUNNING:
            for strand, errand in sent:
                self._errands.dispatch(run, strand, errand)
        for one in abandoned:
            self._errands.abandon(run, one)
        if changes.status_changed and run.status is not Status.RUNNING:
            self._let_go(run)
        return True

    def _store(self, run: Run) -> None:
        try:
            self._ledger.commit(run)
        except sqlite3.Error:
            if self.find(run.identity.arn) is run:
                due = self._schedule.now() + _COMMIT_AGAIN_S
                self._schedule.at(due, lambda: self._drain(run))
            raise

    def _commit_or_refuse(self, run: Run) -> None:
        if not self._commit(run):
            self.check_open()

    def _let_go(self, run: Run) -> None:
        arn = run.identity.arn
        with self._guard:
            self._runs.pop(arn, None)
            waiting = self._on_end.pop(arn, [])
        self._errands.ended(arn)
        for on_end in waiting:
            self._schedule.soon(lambda on_end=on_end: on_end(run))  # type: ignore[misc]


def _started(run: Run) -> JsonObject:
    return {**history.given("input", run.identity.input), "roleArn": run.identity.role_arn}


def _ready(run: Run) -> list[int]:
    return [one.id for one in run.strands.values() if one.phase in (Phase.ENTER, Phase.AGAIN)]

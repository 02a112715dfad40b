"""The execution engine: takes steps, commits them, and then releases their effects.

Each execution is moved by whoever holds its lock. No effect (a call, a timer, a response to a
caller) is released before the commit that records it. Work on two executions goes through the
scheduler, so that no thread holds two locks.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from localcloud.errors import AwsError
from localcloud.stepfunctions.engine import execution_events
from localcloud.stepfunctions.engine.action_dispatcher import (
    CHECK_INTERVAL_S,
    ActionDispatcher,
    MapRuns,
)
from localcloud.stepfunctions.engine.action_tasks import Signal
from localcloud.stepfunctions.engine.records import (
    BranchPhase,
    ExecutionStatus,
    HistoryEvent,
    UncommittedChanges,
)
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.engine.state_interpreter import (
    StateInterpreter,
    end_execution,
    is_awaited,
    redrive_execution,
)
from localcloud.stepfunctions.engine.state_visit import EngineContext, StateVisit
from localcloud.stepfunctions.engine.work_scheduler import WorkScheduler
from localcloud.stepfunctions.integrations.task_caller import TaskCaller
from localcloud.stepfunctions.language.values import JsonObject
from localcloud.stepfunctions.store.executions import ExecutionStore

OnEnd: TypeAlias = Callable[[RunningExecution], None]
OnEvents: TypeAlias = Callable[[RunningExecution, Sequence[HistoryEvent]], None]
"""Takes the events of each commit."""

_COMMIT_RETRY_S = 1.0
_POLL_INTERVAL_S = 1.0
MAX_STANDARD_SECONDS = 365 * 24 * 3600
"""How long a Standard execution lasts from its start, redrives included.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

STEPS_PER_COMMIT = 50
"""The most steps of an execution before they are committed and others take their turn."""


def _log_nothing(_run: RunningExecution, _events: Sequence[HistoryEvent]) -> None:
    """Log nothing."""


class ExecutionEngine:
    """The running executions.

    `ledger` stores Standard executions. Express ones live in memory only: a crash may lose
    them, as at AWS.
    """

    def __init__(
        self,
        interpreter: StateInterpreter,
        store: ExecutionStore,
        schedule: WorkScheduler,
        engine: EngineContext,
        caller: TaskCaller,
        *,
        log: OnEvents = _log_nothing,
        steps_per_commit: int = STEPS_PER_COMMIT,
    ) -> None:
        self._interpreter = interpreter
        self._store = store
        self._schedule = schedule
        self._engine_context = engine
        self._log = log
        self._dispatcher = ActionDispatcher(schedule, caller, self.signal, _POLL_INTERVAL_S)
        self._steps_per_commit = steps_per_commit
        self._guard = threading.Lock()
        self._runs: dict[str, RunningExecution] = {}
        self._on_end: dict[str, list[OnEnd]] = {}
        self._is_watching = False
        self._stopped = threading.Event()

    def set_map_runs(self, map_runs: MapRuns) -> None:
        """Set the object that runs distributed Maps."""
        self._dispatcher.set_map_runs(map_runs)

    def stop(self) -> None:
        """Take no more steps; running executions resume after the next start."""
        self._stopped.set()

    def check_open(self) -> None:
        """Raise ServiceUnavailable once the engine is stopped: nothing more would be stored."""
        if self._stopped.is_set():
            raise AwsError("ServiceUnavailable", "The local cloud is stopping.", 503)

    def find(self, arn: str) -> RunningExecution | None:
        """Return a running execution, or None."""
        with self._guard:
            return self._runs.get(arn)

    def begin(self, run: RunningExecution, on_end: OnEnd | None = None) -> None:
        """Commit a new execution and start it. Nothing remains of it if the commit fails."""
        self.check_open()
        with run.lock:
            root = run.add_branch(None, 0, run.machine.start_at, run.identity.input)
            visit = StateVisit(run, root, self._engine_context)
            visit.record("ExecutionStarted", _started_details(run), previous=0)
            seconds = run.identity.timeout_seconds
            if seconds is not None:
                run.deadline = run.identity.started + seconds
            run.changes.status_changed = True
            self._commit_or_refuse(run)
            self._register(run, on_end)
        self._schedule_steps(run)

    def resume(self, run: RunningExecution, on_end: OnEnd | None = None) -> None:
        """Resume an execution from its last commit after a restart."""
        with run.lock:
            self._register(run, on_end)
            for branch in run.branches.values():
                visit = StateVisit(run, branch, self._engine_context)
                for task in self._interpreter.action_tasks(visit):
                    self._dispatcher.dispatch(run, branch, task)
            run.ready.extend(_ready_branches(run))
        self._schedule_steps(run)

    def redrive(self, run: RunningExecution, on_end: OnEnd | None = None) -> None:
        """Resume an execution that ended without success from where it failed."""
        self.check_open()
        with run.lock:
            redrive_execution(StateVisit(run, run.branches[0], self._engine_context))
            seconds = run.identity.timeout_seconds
            if seconds is not None:
                longest = run.identity.started + MAX_STANDARD_SECONDS
                run.deadline = min(self._schedule.now() + seconds, longest)
            self._commit_or_refuse(run)
            self._register(run, on_end)
        self._schedule_steps(run)

    def signal(self, arn: str, branch_id: int, ticket: int, signal: Signal) -> bool:
        """Send a signal to a branch; return whether the branch was waiting for it."""
        run = self.find(arn)
        if run is None or self._stopped.is_set():
            return False
        with run.lock:
            branch = run.branches.get(branch_id)
            if (
                run.status is not ExecutionStatus.RUNNING
                or branch is None
                or branch.ticket != ticket
                or not is_awaited(signal, branch)
            ):
                return False
            self._interpreter.receive(StateVisit(run, branch, self._engine_context), signal)
            committed = self._commit(run)
        self._schedule_steps(run)
        return committed

    def run_in_branch(self, arn: str, branch_id: int, work: Callable[[StateVisit], None]) -> bool:
        """Run `work` with the visit of a branch, under the lock of its execution."""
        run = self.find(arn)
        if run is None:
            return False
        with run.lock:
            if run.status is not ExecutionStatus.RUNNING or branch_id not in run.branches:
                return False
            work(StateVisit(run, run.branches[branch_id], self._engine_context))
            return True

    def halt(self, arn: str, status: ExecutionStatus, error: str | None, cause: str | None) -> bool:
        """End a running execution from outside; return whether it was running."""
        run = self.find(arn)
        if run is None:
            return False
        with run.lock:
            if run.status is not ExecutionStatus.RUNNING:
                return False
            end_execution(
                StateVisit(run, run.branches[0], self._engine_context),
                status,
                error=error,
                cause=cause,
            )
            return self._commit(run)

    def end_restored(self, run: RunningExecution, status: ExecutionStatus) -> None:
        """End an execution that was restored and not resumed."""
        with run.lock:
            end_execution(StateVisit(run, run.branches[0], self._engine_context), status)
            self._commit(run)

    def _register(self, run: RunningExecution, on_end: OnEnd | None) -> None:
        arn = run.identity.arn
        with self._guard:
            self._runs[arn] = run
            if on_end is not None:
                self._on_end.setdefault(arn, []).append(on_end)
            watched, self._is_watching = self._is_watching, True
        self._watch(run)
        if not watched:
            self._schedule.run_at(self._schedule.now() + CHECK_INTERVAL_S, self._watch_all)

    def _watch_all(self) -> None:
        """Watch the deadlines before the next check; the last execution ends the checks."""
        with self._guard:
            runs = list(self._runs.values())
            self._is_watching = bool(runs)
        for run in runs:
            self._watch(run)
        if runs:
            self._schedule.run_at(self._schedule.now() + CHECK_INTERVAL_S, self._watch_all)

    def _watch(self, run: RunningExecution) -> None:
        """Set a timer if the deadline is near, so that most executions need none."""
        due, arn = run.deadline, run.identity.arn
        if due is not None and due <= self._schedule.now() + CHECK_INTERVAL_S:
            self._schedule.run_at(due, lambda: self._expire(arn))

    def _expire(self, arn: str) -> None:
        run = self.find(arn)
        if run is None or run.deadline is None or run.deadline > self._schedule.now():
            return
        self.halt(arn, ExecutionStatus.TIMED_OUT, None, None)

    def _schedule_steps(self, run: RunningExecution) -> None:
        if run.ready:
            self._schedule.run_soon(lambda: self._run_steps(run))

    def _run_steps(self, run: RunningExecution) -> None:
        with run.lock:
            for _ in range(self._steps_per_commit):
                if (
                    not run.ready
                    or run.status is not ExecutionStatus.RUNNING
                    or self._stopped.is_set()
                ):
                    break
                branch = run.branches.get(run.ready.popleft())
                if branch is not None:
                    self._interpreter.step(StateVisit(run, branch, self._engine_context))
            self._commit(run)
        if not self._stopped.is_set():
            self._schedule_steps(run)

    def _commit(self, run: RunningExecution) -> bool:
        """Store the changes, then release their effects.

        Return False, with nothing stored, once the engine is stopped. If the disk refuses, the
        changes of a running execution are kept and committed later.
        """
        if self._stopped.is_set():
            return False
        if run.changes and run.identity.kind == "STANDARD":
            self._store_changes(run)
        changes, run.changes = run.changes, UncommittedChanges()
        self._log(run, changes.events)
        waiting, run.waiting = run.waiting, {}
        started_tasks, run.started_tasks = run.started_tasks, []
        abandoned, run.abandoned = run.abandoned, []
        for branch in waiting.values():
            for task in self._interpreter.action_tasks(
                StateVisit(run, branch, self._engine_context)
            ):
                self._dispatcher.dispatch(run, branch, task)
        if run.status is ExecutionStatus.RUNNING:
            for branch, task in started_tasks:
                self._dispatcher.dispatch(run, branch, task)
        for work in abandoned:
            self._dispatcher.abandon(run, work)
        if changes.status_changed and run.status is not ExecutionStatus.RUNNING:
            self._unregister(run)
        return True

    def _store_changes(self, run: RunningExecution) -> None:
        try:
            self._store.commit(run)
        except sqlite3.Error:
            if self.find(run.identity.arn) is run:
                due = self._schedule.now() + _COMMIT_RETRY_S
                self._schedule.run_at(due, lambda: self._run_steps(run))
            raise

    def _commit_or_refuse(self, run: RunningExecution) -> None:
        if not self._commit(run):
            self.check_open()

    def _unregister(self, run: RunningExecution) -> None:
        arn = run.identity.arn
        with self._guard:
            self._runs.pop(arn, None)
            waiting = self._on_end.pop(arn, [])
        self._dispatcher.poll_ended_job(arn)
        for on_end in waiting:
            self._schedule.run_soon(lambda on_end=on_end: on_end(run))  # type: ignore[misc]


def _started_details(run: RunningExecution) -> JsonObject:
    return {
        **execution_events.data_details("input", run.identity.input),
        "roleArn": run.identity.role_arn,
    }


def _ready_branches(run: RunningExecution) -> list[int]:
    return [
        one.id
        for one in run.branches.values()
        if one.phase in (BranchPhase.ENTER, BranchPhase.AGAIN)
    ]

"""Dispatch action tasks: calls, timers, polls and Map Runs; each ends with a signal."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Callable
from typing import Protocol, TypeAlias

from localcloud.stepfunctions.engine.action_tasks import (
    ActionTask,
    CallStarted,
    CallTask,
    MapRunTask,
    PollTask,
    Signal,
    TimerFired,
    TimerTask,
)
from localcloud.stepfunctions.engine.records import MAP_RUN, AbandonedWork, Branch, ExecutionStatus
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.engine.work_scheduler import Work, WorkScheduler
from localcloud.stepfunctions.integrations.task_caller import TaskCaller
from localcloud.stepfunctions.language.state_machine import TaskState
from localcloud.stepfunctions.language.values import JsonObject

SendSignal: TypeAlias = Callable[[str, int, int, Signal], bool]
"""Sends a signal to a branch by execution ARN, id and ticket; returns False if it is late."""

CHECK_INTERVAL_S = 600.0
"""The seconds between two checks of long timers."""

_IsWanted: TypeAlias = Callable[[], bool]


class MapRuns(Protocol):
    """Runs distributed Maps."""

    def start(self, run: RunningExecution, branch: Branch) -> None:
        """Start or resume the Map Run of a branch; it ends with a signal to the branch."""

    def abandon(self, map_run_arn: str) -> None:
        """Stop a Map Run whose execution continues without it."""


class ActionDispatcher:
    """Dispatches action tasks; a job is polled every `poll_interval_s` seconds."""

    def __init__(
        self, schedule: WorkScheduler, caller: TaskCaller, send: SendSignal, poll_interval_s: float
    ) -> None:
        self._schedule = schedule
        self._caller = caller
        self._send = send
        self._poll_interval_s = poll_interval_s
        self._map_runs: MapRuns | None = None
        self._guard = threading.Lock()
        self._polls: dict[str, dict[tuple[str, int, int], Work]] = {}

    def set_map_runs(self, map_runs: MapRuns) -> None:
        """Set the object that runs distributed Maps."""
        self._map_runs = map_runs

    def dispatch(self, run: RunningExecution, branch: Branch, task: ActionTask) -> None:
        """Start an action task of `branch`. The caller holds the execution's lock."""
        branch_id, ticket, arn = branch.id, branch.ticket, run.identity.arn
        match task:
            case TimerTask(due, timer):
                self._run_later(
                    due,
                    lambda: self._send(arn, branch_id, ticket, TimerFired(timer)),
                    _is_waiting(run, branch_id, ticket),
                )
            case CallTask(is_repeat):
                self._schedule.run_blocking(lambda: self._call(run, branch_id, ticket, is_repeat))
            case PollTask():
                self._schedule.run_blocking(lambda: self._poll(run, branch_id, ticket))
            case MapRunTask():
                if self._map_runs is None:
                    raise LookupError("the engine has no object that runs Map Runs")
                self._map_runs.start(run, branch)

    def _run_later(self, due: float, work: Callable[[], object], wanted: _IsWanted) -> None:
        """Run `work` at `due` if `wanted` then.

        It is checked every ten minutes, so that unwanted work is not held in memory.
        """

        def fire() -> None:
            if not wanted():
                return
            if due <= self._schedule.now():
                work()
            else:
                self._run_later(due, work, wanted)

        self._schedule.run_at(min(due, self._schedule.now() + CHECK_INTERVAL_S), fire)

    def abandon(self, run: RunningExecution, work: AbandonedWork) -> None:
        """Stop work that is no longer wanted."""
        if work.resource == MAP_RUN:
            map_runs, arn = self._map_runs, str(work.job)
            if map_runs is not None:
                self._schedule.run_blocking(lambda: map_runs.abandon(arn))
            return
        role = run.identity.role_arn
        self._schedule.run_blocking(lambda: self._caller.cancel(work, role))

    def poll_ended_job(self, job: str) -> None:
        """Poll a job at once that has ended in this process."""
        with self._guard:
            polls = self._polls.pop(job, {})
        for poll in polls.values():
            self._schedule.run_blocking(poll)

    def _call(self, run: RunningExecution, branch_id: int, ticket: int, is_repeat: bool) -> None:
        try:
            if not self._send(run.identity.arn, branch_id, ticket, CallStarted()):
                return
        except sqlite3.Error:
            self._call_once_committed(run, branch_id, ticket, is_repeat)
            raise
        self._make_call(run, branch_id, ticket, is_repeat)

    def _call_once_committed(
        self, run: RunningExecution, branch_id: int, ticket: int, is_repeat: bool
    ) -> None:
        """Make a call whose start the disk refused, once the engine has committed it."""

        def check() -> None:
            if run.changes:
                self._call_once_committed(run, branch_id, ticket, is_repeat)
            else:
                self._make_call(run, branch_id, ticket, is_repeat)

        due = self._schedule.now() + self._poll_interval_s
        self._schedule.run_at(due, lambda: self._schedule.run_blocking(check))

    def _make_call(
        self, run: RunningExecution, branch_id: int, ticket: int, is_repeat: bool
    ) -> None:
        task = _task(run, branch_id, ticket)
        if task is not None:
            answer = self._caller.call(run, *task, is_repeat=is_repeat)
            self._send(run.identity.arn, branch_id, ticket, answer)

    def _poll(self, run: RunningExecution, branch_id: int, ticket: int) -> None:
        task = _task(run, branch_id, ticket)
        if task is None:
            return
        answer = self._caller.poll(run, *task)
        if answer is not None:
            self._send(run.identity.arn, branch_id, ticket, answer)
            return
        self._poll_later(run, branch_id, ticket, str(task[1]["job"]))

    def _poll_later(self, run: RunningExecution, branch_id: int, ticket: int, job: str) -> None:
        """Poll again after the interval, or once the job has ended if it is an execution here."""

        def poll() -> None:
            with self._guard:
                waiting = self._polls.get(job, {})
                waiting.pop((run.identity.arn, branch_id, ticket), None)
                if not waiting:
                    self._polls.pop(job, None)
            self._poll(run, branch_id, ticket)

        with self._guard:
            waiting = self._polls.setdefault(job, {})
            waiting[run.identity.arn, branch_id, ticket] = poll
        due = self._schedule.now() + self._poll_interval_s
        self._schedule.run_at(due, lambda: self._schedule.run_blocking(poll))


def _is_waiting(run: RunningExecution, branch_id: int, ticket: int) -> _IsWanted:
    """Return a check whether a branch still waits; it keeps no ended execution in memory."""
    reference = weakref.ref(run)

    def check() -> bool:
        found = reference()
        if found is None or found.status is not ExecutionStatus.RUNNING:
            return False
        branch = found.branches.get(branch_id)
        return branch is not None and branch.ticket == ticket

    return check


def _task(run: RunningExecution, branch_id: int, ticket: int) -> tuple[str, JsonObject] | None:
    with run.lock:
        branch = run.branches.get(branch_id)
        if branch is None or branch.ticket != ticket or run.status is not ExecutionStatus.RUNNING:
            return None
        state = run.state_of(branch)
        return (state.resource, dict(branch.data)) if isinstance(state, TaskState) else None

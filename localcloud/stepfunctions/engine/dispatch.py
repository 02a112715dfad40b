"""Sets errands going: calls, alarms, follow-ups, Map Runs; each ends with a signal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeAlias

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
from localcloud.stepfunctions.engine.model import MAP_RUN, Abandoned, Run, Status, Strand
from localcloud.stepfunctions.engine.schedule import Schedule, Work
from localcloud.stepfunctions.language.states import Task
from localcloud.stepfunctions.language.values import JsonObject

Send: TypeAlias = Callable[[str, int, int, Signal], bool]
"""Hands a signal to the strand with that execution ARN, id and ticket; False if it is late."""

_LOOK_EVERY_S = 600.0


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


class Dispatcher:
    """Sets errands going. `follow_every_s` is how often a job is asked after, in seconds."""

    def __init__(
        self, schedule: Schedule, caller: Caller, send: Send, follow_every_s: float
    ) -> None:
        self._schedule = schedule
        self._caller = caller
        self._send = send
        self._follow_every_s = follow_every_s
        self._map_runs: MapRuns | None = None
        self._guard = threading.Lock()
        self._following: dict[str, dict[tuple[str, int, int], Work]] = {}

    def conduct_with(self, map_runs: MapRuns) -> None:
        """Say who conducts Map Runs."""
        self._map_runs = map_runs

    def dispatch(self, run: Run, strand: Strand, errand: Errand) -> None:
        """Set an errand of `strand` going. The caller holds the run's lock."""
        strand_id, ticket = strand.id, strand.ticket
        match errand:
            case Alarm(due, alarm):
                self.later(
                    due,
                    lambda: self._ring(run, strand_id, ticket, alarm),
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

    def later(self, due: float, work: Work, wanted: Callable[[], bool]) -> None:
        """Do `work` at `due` if it is wanted then; look now and then, to forget what is not."""

        def ring() -> None:
            if not wanted():
                return
            if due <= self._schedule.now():
                work()
            else:
                self.later(due, work, wanted)

        self._schedule.at(min(due, self._schedule.now() + _LOOK_EVERY_S), ring)

    def abandon(self, run: Run, one: Abandoned) -> None:
        """Have work stopped that is no longer wanted."""
        if one.resource == MAP_RUN:
            map_runs, arn = self._map_runs, str(one.job)
            if map_runs is not None:
                self._schedule.apart(lambda: map_runs.abandon(arn))
            return
        role = run.identity.role_arn
        self._schedule.apart(lambda: self._caller.cancel(one, role))

    def ended(self, job: str) -> None:
        """Ask at once after a job that has ended here."""
        with self._guard:
            followers = self._following.pop(job, {})
        for follow in followers.values():
            self._schedule.apart(follow)

    def _ring(self, run: Run, strand_id: int, ticket: int, alarm: str) -> None:
        self._send(run.identity.arn, strand_id, ticket, Due(alarm))

    def _call(self, run: Run, strand_id: int, ticket: int, again: bool) -> None:
        arn = run.identity.arn
        if not self._send(arn, strand_id, ticket, Started()):
            return
        task = _task(run, strand_id, ticket)
        if task is not None:
            answer = self._caller.call(run, *task, again=again)
            self._send(arn, strand_id, ticket, answer)

    def _follow(self, run: Run, strand_id: int, ticket: int) -> None:
        task = _task(run, strand_id, ticket)
        if task is None:
            return
        answer = self._caller.follow(run, *task)
        if answer is not None:
            self._send(run.identity.arn, strand_id, ticket, answer)
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


def _task(run: Run, strand_id: int, ticket: int) -> tuple[str, JsonObject] | None:
    with run.lock:
        strand = run.strands.get(strand_id)
        if strand is None or strand.ticket != ticket or run.status is not Status.RUNNING:
            return None
        state = run.state_of(strand)
        return (state.resource, dict(strand.data)) if isinstance(state, Task) else None

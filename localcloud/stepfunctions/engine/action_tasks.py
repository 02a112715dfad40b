"""Action tasks, which run while a branch waits, and the signals that they end with.

An action task starts after the commit that made the branch wait, and again after a restart.
A late signal, for a phase that is over, is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from localcloud.stepfunctions.language.values import Json


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The call of a task is about to be made."""


@dataclass(frozen=True, slots=True)
class WorkSucceeded:
    """The work has succeeded with `output`."""

    output: Json


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """The call has returned; the work continues elsewhere, and `job` identifies it."""

    output: Json
    job: Json = None


@dataclass(frozen=True, slots=True)
class WorkFailed:
    """The work has failed; SendTaskFailure may leave out both."""

    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer has fired."""

    timer: str


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker, which may have told its name, has taken the task of an activity."""

    name: str | None


@dataclass(frozen=True, slots=True)
class HeartbeatReceived:
    """SendTaskHeartbeat was called."""


Signal: TypeAlias = (
    CallStarted
    | WorkSucceeded
    | JobSubmitted
    | WorkFailed
    | TimerFired
    | WorkerStarted
    | HeartbeatReceived
)


@dataclass(frozen=True, slots=True)
class TimerTask:
    """Send `TimerFired(timer)` at `due`, in epoch seconds."""

    due: float
    timer: str


@dataclass(frozen=True, slots=True)
class CallTask:
    """Make the task's call; `is_repeat` if it may have been made before a restart."""

    is_repeat: bool


@dataclass(frozen=True, slots=True)
class PollTask:
    """Poll the submitted job until it has ended."""


@dataclass(frozen=True, slots=True)
class MapRunTask:
    """Run the Map Run."""

    map_run_arn: str


ActionTask: TypeAlias = TimerTask | CallTask | PollTask | MapRunTask

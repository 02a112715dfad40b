"""What goes on while a strand waits, and the signals that come of it.

An errand is set going after the commit that made the strand wait, and again after a restart;
it ends with a signal. A signal that comes late, for a phase that is over, is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from localcloud.stepfunctions.language.values import Json


@dataclass(frozen=True, slots=True)
class Started:
    """A task's call is about to be made."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The work is done, with `output`."""

    output: Json


@dataclass(frozen=True, slots=True)
class Submitted:
    """The call is answered; the work goes on elsewhere, and `job` names it."""

    output: Json
    job: Json = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The work failed."""

    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class Due:
    """An alarm rang."""

    alarm: str


@dataclass(frozen=True, slots=True)
class Beat:
    """SendTaskHeartbeat came."""


Signal: TypeAlias = Started | Answered | Submitted | Failed | Due | Beat


@dataclass(frozen=True, slots=True)
class Alarm:
    """Give `Due(alarm)` at `due`, in epoch seconds."""

    due: float
    alarm: str


@dataclass(frozen=True, slots=True)
class Call:
    """Make the task's call; `again` if it may have been made before a restart."""

    again: bool


@dataclass(frozen=True, slots=True)
class Follow:
    """Ask now and then how the submitted job stands."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """Conduct the Map Run."""

    map_run_arn: str


Errand: TypeAlias = Alarm | Call | Follow | Conduct

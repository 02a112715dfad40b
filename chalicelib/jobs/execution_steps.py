"""The states of a machine, with what the history of an execution tells of each. Pure.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
https://states-language.net/spec.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.executions import ExecutionState, ExecutionStep

if TYPE_CHECKING:
    from chalicelib.contracts.executions import StepStatus

_ENTERED, _EXITED = "StateEntered", "StateExited"
_ERRORS = ("Failed", "TimedOut", "Aborted")


@dataclass(frozen=True, slots=True)
class ExecutionEvent:
    """An event of a history: its type, when it was, and the state or error that it names."""

    type: str
    time: datetime
    state: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """An execution as Step Functions tells of it.

    Attributes:
        definition: The machine in Amazon States Language, as it was when the execution began.
        events: Its history, oldest first; only the newest events if `partial`.
    """

    status: ExecutionState
    started_at: datetime
    ended_at: datetime | None
    definition: Mapping[str, Any]
    events: Sequence[ExecutionEvent]
    partial: bool = False


def execution_steps(record: ExecutionRecord, now: datetime) -> tuple[ExecutionStep, ...]:
    """Return the outermost states of the machine, in the order of its definition."""
    states: Mapping[str, Mapping[str, Any]] = record.definition["States"]
    visits = {name: _Visits() for name in states}
    _follow(record.events, visits)
    end = record.ended_at or now
    return tuple(
        ExecutionStep(
            name=name,
            type=state["Type"],
            next=_following(state),
            on_error=_unique(each["Next"] for each in state.get("Catch", ())),
            status=visits[name].status(record.status),
            entered=visits[name].entered,
            seconds=round(visits[name].seconds_until(end), 3),
            error=visits[name].error,
        )
        for name, state in states.items()
    )


class _Visits:
    """The visits of an execution to one state: how often, how long, and the last error."""

    def __init__(self) -> None:
        self.entered = 0
        self.error = ""
        self._seconds = 0.0
        self._since: datetime | None = None

    def enter(self, time: datetime) -> None:
        self.entered += 1
        self.error = ""
        self._since = time

    def exit(self, time: datetime) -> None:
        # The entry may be older than the events that were read.
        self.entered = max(self.entered, 1)
        if self._since is not None:
            self._seconds += (time - self._since).total_seconds()
        self._since = None

    def seconds_until(self, end: datetime) -> float:
        running = (end - self._since).total_seconds() if self._since is not None else 0.0
        return self._seconds + max(running, 0.0)

    def status(self, execution: ExecutionState) -> StepStatus:
        if not self.entered:
            return "not_entered"
        if self._since is None:
            return "failed" if self.error else "succeeded"
        return "running" if execution == "running" else "failed"


def _follow(events: Sequence[ExecutionEvent], visits: Mapping[str, _Visits]) -> None:
    """Tell the states of their entries, exits and errors.

    Outermost states follow one another, so an error is of the one that was entered last; what
    succeeds after it, a retry or another item of a Map, takes it back.
    """
    present: _Visits | None = None
    for event in events:
        found = visits.get(event.state)
        if event.type.endswith(_ENTERED) and found is not None:
            present = found
            present.enter(event.time)
        elif event.type.endswith(_EXITED) and found is not None:
            found.exit(event.time)
        elif present is not None and event.type.endswith(_ERRORS):
            present.error = event.error or present.error or event.type
        elif present is not None and event.type.endswith(("Succeeded", _EXITED)):
            present.error = ""


def _following(state: Mapping[str, Any]) -> tuple[str, ...]:
    choices = (each["Next"] for each in state.get("Choices", ()))
    return _unique([*choices, *filter(None, (state.get("Default"), state.get("Next")))])


def _unique(names: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))

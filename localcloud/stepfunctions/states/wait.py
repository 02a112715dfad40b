"""Wait.

https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.errands import Alarm, Errand, Signal
from localcloud.stepfunctions.engine.model import Phase
from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import errors, payload, timestamps
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.states import Wait
from localcloud.stepfunctions.language.values import Json
from localcloud.stepfunctions.states import dataflow

MAX_SECONDS = 99_999_999


class WaitState(SimpleState):
    """Leaves when its time has come; the time is kept, so that a restart does not move it."""

    def enter(self, visit: Visit) -> None:
        """Enter and wait."""
        visit.record_entered()
        self.again(visit)

    def again(self, visit: Visit) -> None:
        """Wait anew."""
        due = _due(visit)
        visit.strand.move(Phase.WAITING, {"due": due})
        visit.run.wake(visit.strand)

    def errands(self, visit: Visit) -> list[Errand]:
        """Return the alarm."""
        due = visit.strand.data["due"]
        assert isinstance(due, int | float)
        return [Alarm(due, "wait")]

    def receive(self, visit: Visit, signal: Signal) -> None:
        """Leave."""
        state = visit.state
        assert isinstance(state, Wait)
        dataflow.leave_simply(visit, state, visit.effective_input())


def _due(visit: Visit) -> float:
    state = visit.state
    assert isinstance(state, Wait)
    if state.timestamp is not None or state.timestamp_path is not None:
        return _moment(_timestamp(visit, state))
    seconds = dataflow.whole(visit, state.seconds, state.seconds_path, "Seconds")
    if seconds is None or seconds > MAX_SECONDS:
        raise StatesError(errors.RUNTIME, f"Seconds must be at most {MAX_SECONDS}.")
    return visit.surround.now() + seconds


def _timestamp(visit: Visit, state: Wait) -> Json:
    if state.timestamp_path is not None:
        environment = visit.environment()
        return payload.select(
            state.timestamp_path, visit.effective_input(), environment, "TimestampPath"
        )
    if state.uses_jsonata:
        return visit.evaluate(state.timestamp, "Timestamp")
    return state.timestamp


def _moment(text: Json) -> float:
    moment = timestamps.parse(text) if isinstance(text, str) else None
    if moment is None:
        raise StatesError(
            errors.RUNTIME, f"The Timestamp parameter does not reference a valid timestamp: {text}"
        )
    return moment.timestamp()

"""Fail.

https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import errors, intrinsics, payload
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.states import Fail


class FailState(SimpleState):
    """Ends its branch with an error."""

    def enter(self, visit: Visit) -> None:
        """Enter and raise the error."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, Fail)
        raise Stated(
            _text(visit, state.error, state.error_path, "Error"),
            _text(visit, state.cause, state.cause_path, "Cause"),
        )


def _text(visit: Visit, written: str | None, path: str | None, field: str) -> str:
    if path is None:
        value = written or ""
        return str(visit.evaluate(value, field)) if visit.state.uses_jsonata else value
    environment = visit.environment()
    if path.startswith("States."):
        found = intrinsics.evaluate(path, visit.strand.input, environment)
    else:
        found = payload.select(path, visit.strand.input, environment, f"{field}Path")
    if not isinstance(found, str):
        raise StatesError(
            errors.RUNTIME, f"The {field}Path parameter must give a string, not {found!r}."
        )
    return found

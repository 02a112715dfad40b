"""The executors of Pass, Choice, Wait, Succeed and Fail.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-states.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine import data_flow, number_fields
from localcloud.stepfunctions.engine.action_tasks import ActionTask, Signal, TimerTask
from localcloud.stepfunctions.engine.records import BranchPhase
from localcloud.stepfunctions.engine.state_executor import SimpleStateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language import errors, values
from localcloud.stepfunctions.language.choice_rules import choose
from localcloud.stepfunctions.language.errors import ReportedError, StatesError
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.jsonpath import intrinsics, payload_templates
from localcloud.stepfunctions.language.state_machine import (
    ChoiceRule,
    ChoiceState,
    FailState,
    PassState,
    SucceedState,
    WaitState,
)
from localcloud.stepfunctions.language.values import ABSENT, Json, dumps


class PassExecutor(SimpleStateExecutor):
    """Leaves at once with its input, a fixed result, or its parameters."""

    def enter(self, visit: StateVisit) -> None:
        """Enter and leave."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, PassState)
        if state.uses_jsonata:
            data_flow.leave_with_input(visit, state, visit.branch.input)
            return
        environment = visit.environment()
        if state.result is ABSENT:
            result = payload_templates.fill(state.parameters, visit.effective_input(), environment)
            visit.inspect("afterParameters", result)
        else:
            result = state.result
            visit.inspect("result", result)
        visit.inspect("afterResultSelector", result)
        merged = payload_templates.merge(state.result_path, visit.branch.input, result)
        visit.inspect("afterResultPath", merged)
        output = payload_templates.select(state.output_path, merged, environment, "OutputPath")
        visit.leave(state.next, output, data_flow.evaluate_assign(visit, state.assign, result))


class SucceedExecutor(SimpleStateExecutor):
    """Ends its branch with success."""

    def enter(self, visit: StateVisit) -> None:
        """Enter and leave."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, SucceedState)
        data_flow.leave_with_input(visit, state, visit.effective_input())


class ChoiceExecutor(SimpleStateExecutor):
    """Leaves at once for the state of the first rule that holds."""

    def enter(self, visit: StateVisit) -> None:
        """Enter, choose and leave."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, ChoiceState)
        effective = visit.effective_input()
        rule = choose(state, effective, visit.environment())
        chosen: ChoiceState | ChoiceRule = state if rule is None else rule
        if state.uses_jsonata:
            template = chosen.output
            output = effective if template is ABSENT else visit.evaluate(template, "Output")
        else:
            output = payload_templates.select(
                state.output_path, effective, visit.environment(), "OutputPath"
            )
        next_state = state.default if rule is None else rule.next
        visit.leave(next_state, output, data_flow.evaluate_assign(visit, chosen.assign, effective))


class FailExecutor(SimpleStateExecutor):
    """Ends its branch with an error."""

    def enter(self, visit: StateVisit) -> None:
        """Enter and raise the error."""
        visit.record_entered()
        state = visit.state
        assert isinstance(state, FailState)
        raise ReportedError(
            _error_text(visit, state.error, state.error_path, "Error"),
            _error_text(visit, state.cause, state.cause_path, "Cause"),
        )


def _error_text(visit: StateVisit, written: str | None, path: str | None, field: str) -> str:
    if path is None:
        value = written or ""
        return _evaluated_text(visit, value, field) if visit.state.uses_jsonata else value
    environment = visit.environment()
    if path.startswith("States."):
        found = intrinsics.evaluate(path, visit.branch.input, environment)
    else:
        found = payload_templates.select(path, visit.branch.input, environment, f"{field}Path")
    if not isinstance(found, str):
        raise StatesError(
            errors.RUNTIME, f"The {field}Path parameter must give a string, not {found!r}."
        )
    return found


def _evaluated_text(visit: StateVisit, written: str, field: str) -> str:
    found = visit.evaluate(written, field)
    if not isinstance(found, str):
        raise templates.unexpected_type(templates.source_of(written), field, "string", found)
    return found


MAX_SECONDS = 99_999_999


class WaitExecutor(SimpleStateExecutor):
    """Leaves at its due time, which is stored, so that a restart does not move it."""

    def enter(self, visit: StateVisit) -> None:
        """Enter and wait."""
        visit.record_entered()
        self.reenter(visit)

    def reenter(self, visit: StateVisit) -> None:
        """Wait again."""
        due = _due(visit)
        visit.branch.enter_phase(BranchPhase.WAITING, {"due": due})
        visit.run.start_tasks(visit.branch)

    def action_tasks(self, visit: StateVisit) -> list[ActionTask]:
        """Return the timer."""
        due = visit.branch.data["due"]
        assert isinstance(due, int | float)
        return [TimerTask(due, "wait")]

    def receive(self, visit: StateVisit, signal: Signal) -> None:
        """Leave the state."""
        state = visit.state
        assert isinstance(state, WaitState)
        data_flow.leave_with_input(visit, state, visit.effective_input())


def _due(visit: StateVisit) -> float:
    state = visit.state
    assert isinstance(state, WaitState)
    if state.timestamp is not None or state.timestamp_path is not None:
        return _moment(state, _timestamp(visit, state))
    if state.seconds_path is not None:
        return visit.engine.now() + _seconds_of_path(visit, state.seconds_path)
    seconds = number_fields.evaluate_integer(visit, state.seconds, None, "Seconds")
    if seconds is None or not 0 <= seconds <= MAX_SECONDS:
        cause = f"Seconds must be from 0 to {MAX_SECONDS}, got '{seconds}' instead."
        raise number_fields.out_of_range(None, "Seconds", cause)
    return visit.engine.now() + seconds


def _seconds_of_path(visit: StateVisit, path: str) -> int:
    value = number_fields.read_path(visit, path, "Seconds")
    seconds = number_fields.parse_integer(value)
    about = f"{path} == {value if isinstance(value, str) else dumps(value)}"
    if seconds is None:
        cause = f"The SecondsPath parameter cannot be parsed as a long value: {about}"
    elif seconds < 0:
        cause = f"The SecondsPath parameter references a negative value: {about}"
    elif seconds > MAX_SECONDS:
        cause = f"The SecondsPath parameter references a value above {MAX_SECONDS}: {about}"
    else:
        return seconds
    raise StatesError(errors.RUNTIME, cause)


def _timestamp(visit: StateVisit, state: WaitState) -> Json:
    if state.timestamp_path is not None:
        environment = visit.environment()
        return payload_templates.select(
            state.timestamp_path, visit.effective_input(), environment, "TimestampPath"
        )
    if state.uses_jsonata:
        return visit.evaluate(state.timestamp, "Timestamp")
    return state.timestamp


def _moment(state: WaitState, value: Json) -> float:
    moment = values.parse_timestamp(value) if isinstance(value, str) else None
    if moment is not None:
        return moment.timestamp()
    field, about = "Timestamp", value if isinstance(value, str) else dumps(value)
    if state.timestamp_path is not None:
        field, about = "TimestampPath", f"{state.timestamp_path} == {about}"
    raise StatesError(
        errors.QUERY_EVALUATION_ERROR if state.uses_jsonata else errors.RUNTIME,
        f"The {field} parameter does not reference a valid ISO-8601 extended offset date-time "
        f"format string: {about}",
        field,
    )

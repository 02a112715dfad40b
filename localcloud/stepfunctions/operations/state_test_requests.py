"""Parse and check the requests of TestState.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcloud.errors import AwsError
from localcloud.service import Params
from localcloud.stepfunctions.integrations.integration import IntegrationPattern, TaskResource
from localcloud.stepfunctions.integrations.mock_results import mock_problem
from localcloud.stepfunctions.integrations.registry import resource_problem
from localcloud.stepfunctions.language.definition_parser import parse
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.state_machine import (
    MapState,
    ParallelState,
    State,
    StateGraph,
    TaskState,
)
from localcloud.stepfunctions.language.validation.definition_checks import (
    diagnostics,
    invalid_definition_message,
)
from localcloud.stepfunctions.language.values import Json, JsonObject, loads
from localcloud.stepfunctions.language.variables import is_valid_name
from localcloud.stepfunctions.operations.requests import parse_execution_input
from localcloud.stepfunctions.state_executors.mocked_states import MockedWork

_NAME: Final = "StateName"
"""The name of a state that is given without a state machine, as AWS has it."""

_MOCKED: Final = ("Task", "Map", "Parallel")
_CONTEXT: Final[Mapping[str, Mapping[str, type]]] = {
    "Execution": {
        "Id": str,
        "Input": object,
        "Name": str,
        "RoleArn": str,
        "StartTime": str,
        "RedriveCount": int,
        "RedriveTime": str,
    },
    "State": {"EnteredTime": str, "Name": str, "RetryCount": int},
    "StateMachine": {"Id": str, "Name": str},
    "Task": {"Token": str},
}
_TYPE_NAMES: Final = {str: "a string", int: "a number"}


@dataclass(frozen=True, slots=True)
class StateTest:
    """A request of TestState. `work` is the mocked work, or None if it is really done."""

    name: str
    state: State
    role_arn: str | None
    input: Json
    level: str
    variables: JsonObject
    context: JsonObject | None
    work: MockedWork | None
    retries: int
    failures: int
    items_read: str | None


def parse_state_test(params: Params) -> StateTest:
    """Return the test that a request asks for.

    Raises InvalidDefinition, InvalidExecutionInput, or ValidationException in AWS's words.
    """
    mock, configuration = params.get("mock"), params.get("stateConfiguration", {})
    name, state = _find_state(params, is_mocked=mock is not None)
    work = None if mock is None else _mocked_work(state, mock)
    _check_mock_use(params, state)
    if "errorCausedByState" in configuration:
        _check_origin(state, configuration["errorCausedByState"])
    return StateTest(
        name=name,
        state=state,
        role_arn=params.get("roleArn"),
        input=parse_execution_input(params.get("input", "{}")),
        level=params.get("inspectionLevel", "INFO"),
        variables=_variables(params.get("variables", "{}")),
        context=_context(state, params["context"]) if "context" in params else None,
        work=work,
        retries=configuration.get("retrierRetryCount", 0),
        failures=configuration.get("mapIterationFailureCount", 0),
        items_read=configuration.get("mapItemReaderData"),
    )


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _find_state(params: Params, *, is_mocked: bool) -> tuple[str, State]:
    """Return the tested state and its name: that of `stateName`, or the whole definition."""
    definition, name = params["definition"], params.get("stateName")
    if name is None:
        definition, name = _machine_around(definition), _NAME
    resources = _form_problem if is_mocked else resource_problem
    message = invalid_definition_message(diagnostics(definition, "STANDARD", resources))
    if message is not None:
        raise AwsError("InvalidDefinition", message)
    state = _search(parse(definition), name)
    if state is None:
        raise _invalid("State not found in definition")
    return name, state


def _form_problem(arn: str) -> str | None:
    """Return why a mocked task cannot have a resource: any service may be mocked."""
    try:
        TaskResource.parse(arn)
    except ValueError:
        return f"The resource {arn} is not supported"
    return None


def _machine_around(definition: str) -> str:
    """Return a state machine of one state, and of an end for each state that it leads to."""
    try:
        state = loads(definition)
    except ValueError:
        return definition
    if not isinstance(state, dict):
        return definition
    states: JsonObject = {name: {"Type": "Succeed"} for name in _targets(state)}
    return json.dumps({"StartAt": _NAME, "States": {**states, _NAME: state}})


def _targets(state: JsonObject) -> list[str]:
    entries: list[Json] = [state]
    for field in ("Choices", "Catch"):
        listed = state.get(field)
        entries += listed if isinstance(listed, list) else []
    found = [
        entry.get(field)
        for entry in entries
        if isinstance(entry, dict)
        for field in ("Next", "Default")
    ]
    return [name for name in found if isinstance(name, str)]


def _search(graph: StateGraph, name: str) -> State | None:
    """Return the state of that name in a state machine, its branches and processors."""
    if name in graph.states:
        return graph.states[name]
    inner: list[StateGraph] = []
    for state in graph.states.values():
        if isinstance(state, ParallelState):
            inner += state.branches
        elif isinstance(state, MapState):
            inner.append(state.item_processor)
    return next((found for one in inner if (found := _search(one, name)) is not None), None)


def _check_mock_use(params: Params, state: State) -> None:
    """Raise unless the test has what its state needs: a mock or a role."""
    if "mock" in params:
        if params.get("revealSecrets"):
            raise _invalid("TestState does not support RevealSecrets when a mock is specified.")
        return
    if "context" in params:
        raise _invalid("A Context object can only be specified when a mock is specified.")
    if state.type in ("Map", "Parallel"):
        raise AwsError(
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types "
            "include: [Task, Wait, Pass, Succeed, Fail, Choice]",
        )
    if not isinstance(state, TaskState):
        return
    if "roleArn" not in params:
        raise _invalid("RoleArn must be specified when testing a Task state")
    if TaskResource.parse(state.resource).pattern is not IntegrationPattern.REQUEST:
        raise AwsError(
            "InvalidDefinition",
            "TestState API does not support Activity tasks or the .sync and .waitForTaskToken "
            "service integration patterns unless a mock is specified",
        )


def _mocked_work(state: State, mock: Mapping[str, Any]) -> MockedWork:
    if state.type not in _MOCKED:
        raise _invalid(f"State type '{state.type}' is not supported when a mock is specified")
    if ("result" in mock) == ("errorOutput" in mock):
        raise _invalid(
            "A test mock should have only one of the following fields: [result, errorOutput]."
        )
    if "errorOutput" in mock:
        error = mock["errorOutput"]
        reported = ReportedError(error.get("error", ""), error.get("cause", ""), by_task=True)
        return MockedWork(error=reported)
    try:
        result = loads(mock["result"])
    except ValueError as problem:
        raise _invalid("Mocked result must be valid JSON") from problem
    _check_result(state, result, mock.get("fieldValidationMode", "STRICT"))
    return MockedWork(result)


def _check_result(state: State, result: Json, mode: str) -> None:
    if isinstance(state, MapState) and state.result_writer is not None:
        if not isinstance(result, dict):
            raise _invalid("Mocked result must be a JSON object.")
    elif isinstance(state, MapState | ParallelState):
        if not isinstance(result, list):
            raise _invalid("Mocked result must be an array.")
        if isinstance(state, ParallelState) and len(result) != len(state.branches):
            raise _invalid(
                "Mocked result must contain the same number of items as number of Parallel "
                "branches."
            )
    elif isinstance(state, TaskState) and mode != "NONE":
        resource = TaskResource.parse(state.resource)
        problem = mock_problem(resource, result, is_complete=mode == "STRICT")
        if problem is not None:
            raise _invalid(f"Mock result schema validation error: {problem}")


def _check_origin(state: State, name: str) -> None:
    inner = state.branches if isinstance(state, ParallelState) else ()
    if isinstance(state, MapState):
        inner = (state.item_processor,)
    if all(_search(graph, name) is None for graph in inner):
        raise _invalid("State not found in definition")


def _variables(text: str) -> JsonObject:
    found = _object(text, "Variables must be a JSON object")
    for name in found:
        if not is_valid_name(name):
            raise _invalid(f"Invalid variable name: {name}")
    return found


def _object(text: str, otherwise: str) -> JsonObject:
    try:
        found = loads(text)
    except ValueError as problem:
        raise _invalid(otherwise) from problem
    if not isinstance(found, dict):
        raise _invalid(otherwise)
    return found


def _context(state: State, text: str) -> JsonObject:
    """Return a given context object if it has no other members than AWS's, of their types."""
    context = _object(text, "Invalid Context object provided: it must be a JSON object")
    if "Map" in context:
        raise _wrong_context("'Map' field is not supported when mocking a Context object")
    if "Task" in context and not _has_token(state):
        raise _wrong_context(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or "
            "'.waitForTaskToken' service integration pattern"
        )
    for name, members in context.items():
        if name not in _CONTEXT:
            raise _wrong_context(f"Field '{name}' is not allowed")
        if not isinstance(members, dict):
            raise _wrong_context(f"{name} must be an object")
        _check_members(name, members, _CONTEXT[name])
    return context


def _check_members(name: str, members: JsonObject, types: Mapping[str, type]) -> None:
    for member, value in members.items():
        if member not in types:
            raise _wrong_context(f"Field '{member}' is not allowed")
        kind: Callable[..., object] = types[member]
        if not isinstance(value, types[member]) or (kind is int and isinstance(value, bool)):
            raise _wrong_context(f"{name}.{member} must be {_TYPE_NAMES[types[member]]}")


def _has_token(state: State) -> bool:
    if not isinstance(state, TaskState):
        return False
    return TaskResource.parse(state.resource).pattern is not IntegrationPattern.REQUEST


def _wrong_context(why: str) -> AwsError:
    return _invalid(f"Invalid Context object provided: {why}")

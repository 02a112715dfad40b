"""Check a whole definition: its states, names and transitions.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from localcloud.stepfunctions.language import values
from localcloud.stepfunctions.language.validation.diagnostics import (
    DUPLICATE_LABEL_NAME,
    DUPLICATE_STATE_NAME,
    INVALID_JSON_DESCRIPTION,
    INVALID_STATE_NAME,
    MISSING_END_STATE,
    MISSING_TRANSITION_TARGET,
    SCHEMA_VALIDATION_FAILED,
    TOO_DEEPLY_NESTED,
    Diagnostic,
    MachineType,
    ResourcePredicate,
    ValidationContext,
)
from localcloud.stepfunctions.language.validation.state_checks import (
    check_top_level,
    effective_language,
)
from localcloud.stepfunctions.language.values import Json, JsonObject, loads

MAX_NAME: Final = 80


def objects(value: Json) -> Iterator[tuple[int, JsonObject]]:
    """Yield the objects in an array with their indices."""
    for index, part in enumerate(value if isinstance(value, list) else []):
        if isinstance(part, dict):
            yield index, part


def states_of(machine: JsonObject) -> dict[str, JsonObject]:
    """Return the states of a machine, branch or processor that are objects."""
    states = machine.get("States")
    members = states.items() if isinstance(states, dict) else []
    return {name: state for name, state in members if isinstance(state, dict)}


def inner_machines(state: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield the branches or the processor of a state, with their step of the location."""
    for index, branch in objects(state.get("Branches")):
        yield f"/Branches[{index}]", branch
    for name in ("ItemProcessor", "Iterator"):
        processor = state.get(name)
        if isinstance(processor, dict):
            yield f"/{name}", processor


def check_transitions(context: ValidationContext, machine: JsonObject) -> None:
    """Check the transitions of a state machine and of everything nested in it."""
    _check_machine(context, machine, is_whole=True)
    _check_names(context, machine, set(), set())


def _check_machine(context: ValidationContext, machine: JsonObject, *, is_whole: bool) -> None:
    states = states_of(machine)
    if not states:
        return
    start = machine.get("StartAt")
    edges = {name: dict(_targets(state)) for name, state in states.items()}
    if isinstance(start, str) and start not in states:
        _report_missing(context.at("/StartAt"), start)
    for name, targets in edges.items():
        for step, target in targets.items():
            if target not in states:
                _report_missing(context.at(f"/States/{name}{step}"), target)
    if is_whole and not any(map(_is_terminal, states.values())):
        message = "Workflow has no terminal state"
        context.found.append(Diagnostic("ERROR", MISSING_END_STATE, message, None))
    elif isinstance(start, str):
        _check_reached(context, start, edges)
    for name, state in states.items():
        for step, inner in inner_machines(state):
            _check_machine(context.at(f"/States/{name}{step}"), inner, is_whole=False)


def _check_reached(
    context: ValidationContext, start: str, edges: dict[str, dict[str, str]]
) -> None:
    reached = _reachable(start, edges)
    for name in edges:
        if name not in reached:
            context.at(f"/States/{name}").error(
                f'State "{name}" is not reachable.', MISSING_TRANSITION_TARGET
            )


def _report_missing(context: ValidationContext, target: str) -> None:
    context.error(f"Missing 'Next' target: {target}", MISSING_TRANSITION_TARGET)


def _targets(state: JsonObject) -> Iterator[tuple[str, str]]:
    for name in ("Next", "Default"):
        target = state.get(name)
        if isinstance(target, str):
            yield f"/{name}", target
    for name in ("Choices", "Catch"):
        for index, entry in objects(state.get(name)):
            target = entry.get("Next")
            if isinstance(target, str):
                yield f"/{name}[{index}]/Next", target


def _is_terminal(state: JsonObject) -> bool:
    return state.get("End") is True or state.get("Type") in {"Succeed", "Fail"}


def _reachable(start: str, edges: dict[str, dict[str, str]]) -> set[str]:
    reached: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in edges and name not in reached:
            reached.add(name)
            pending.extend(edges[name].values())
    return reached


def _check_names(
    context: ValidationContext, machine: JsonObject, names: set[str], labels: set[str]
) -> None:
    for name, state in states_of(machine).items():
        at = context.at(f"/States/{name}")
        if not 0 < len(name) <= MAX_NAME:
            at.error(f"The state name must have 1 to {MAX_NAME} characters", INVALID_STATE_NAME)
        if name in names:
            at.error(f"Duplicate State name: {name}", DUPLICATE_STATE_NAME)
        names.add(name)
        label = state.get("Label")
        if isinstance(label, str):
            if label in labels:
                at.at("/Label").error(f"Duplicate label name: {label}", DUPLICATE_LABEL_NAME)
            labels.add(label)
        for step, inner in inner_machines(state):
            _check_names(at.at(step), inner, names, labels)


__all__ = [
    "Diagnostic",
    "MachineType",
    "ResourcePredicate",
    "any_resource",
    "diagnostics",
    "invalid_definition_message",
]


_AT: Final = "\n at "
"""Text between a JSON error and its position, which the error's location repeats."""

MAX_QUOTE: Final = 500
"""How much of invalid JSON its diagnostic quotes, in characters."""


def any_resource(resource: str) -> str | None:
    """Accept every resource whose ARN has a valid form."""
    return None


def diagnostics(
    definition_json: str,
    machine_type: MachineType = "STANDARD",
    resources: ResourcePredicate = any_resource,
) -> list[Diagnostic]:
    """Return all diagnostics, errors first, in the order of the text within a severity."""
    try:
        machine = loads(definition_json or "null")
        if not isinstance(machine, dict):
            message = "Definition must be a valid JSON object"
            return [Diagnostic("ERROR", SCHEMA_VALIDATION_FAILED, message, None)]
        language = effective_language(machine, "JSONPath")
        context = ValidationContext("", machine_type, language, language, resources)
        check_top_level(context, machine)
        check_transitions(context, machine)
    except json.JSONDecodeError as problem:
        where = values.locate_json_error(definition_json, problem)
        location = f'[Source: (String)"{definition_json[:MAX_QUOTE]}"; {where}]'
        message = values.describe_json_error(definition_json, problem)
        message = f"{message}{_AT}{location}"
        return [Diagnostic("ERROR", INVALID_JSON_DESCRIPTION, message, location)]
    except RecursionError:
        message = "The states are too deeply nested"
        return [Diagnostic("ERROR", TOO_DEEPLY_NESTED, message, None)]
    return sorted(context.found, key=lambda found: found.severity)


def invalid_definition_message(findings: list[Diagnostic]) -> str | None:
    """Return the InvalidDefinition error's message, or None if there is no error."""
    messages = [
        f"{found.code}: {found.message.partition(_AT)[0]} at {found.location or 'null'}"
        for found in findings
        if found.severity == "ERROR"
    ]
    return f"Invalid State Machine Definition: '{', '.join(messages)}'" if messages else None

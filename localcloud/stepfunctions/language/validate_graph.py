"""Checks of names and transitions: does every state exist, once, and can it be reached?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from localcloud.stepfunctions.language.findings import (
    DUPLICATE_LABEL_NAME,
    DUPLICATE_STATE_NAME,
    INVALID_STATE_NAME,
    MISSING_END_STATE,
    MISSING_TRANSITION_TARGET,
    Diagnostic,
    Place,
)
from localcloud.stepfunctions.language.values import Json, JsonObject

LONGEST_NAME: Final = 80


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


def check_transitions(place: Place, machine: JsonObject) -> None:
    """Check the transitions of a machine and of all in it."""
    _check_machine(place, machine, is_whole=True)
    _check_names(place, machine, set(), set())


def _check_machine(place: Place, machine: JsonObject, *, is_whole: bool) -> None:
    states = states_of(machine)
    if not states:
        return
    start = machine.get("StartAt")
    edges = {name: dict(_targets(state)) for name, state in states.items()}
    if isinstance(start, str) and start not in states:
        _missing(place.at("/StartAt"), start)
    for name, targets in edges.items():
        for step, target in targets.items():
            if target not in states:
                _missing(place.at(f"/States/{name}{step}"), target)
    if is_whole and not any(map(_is_terminal, states.values())):
        message = "Workflow has no terminal state"
        place.found.append(Diagnostic("ERROR", MISSING_END_STATE, message, None))
    else:
        _check_reached(place, start, edges)
    for name, state in states.items():
        for step, inner in inner_machines(state):
            _check_machine(place.at(f"/States/{name}{step}"), inner, is_whole=False)


def _check_reached(place: Place, start: Json, edges: dict[str, dict[str, str]]) -> None:
    reached = _reached(start, edges)
    for name in edges:
        if name not in reached:
            place.at(f"/States/{name}").error(
                f'State "{name}" is not reachable.', MISSING_TRANSITION_TARGET
            )


def _missing(place: Place, target: str) -> None:
    place.error(f"Missing 'Next' target: {target}", MISSING_TRANSITION_TARGET)


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


def _reached(start: Json, edges: dict[str, dict[str, str]]) -> set[str]:
    reached: set[str] = set()
    pending = [start] if isinstance(start, str) else []
    while pending:
        name = pending.pop()
        if name in edges and name not in reached:
            reached.add(name)
            pending.extend(edges[name].values())
    return reached


def _check_names(place: Place, machine: JsonObject, names: set[str], labels: set[str]) -> None:
    for name, state in states_of(machine).items():
        at = place.at(f"/States/{name}")
        if not 0 < len(name) <= LONGEST_NAME:
            at.error(f"The state name must have 1 to {LONGEST_NAME} characters", INVALID_STATE_NAME)
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

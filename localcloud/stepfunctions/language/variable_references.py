"""The variables that each state of a definition reads.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from localcloud.stepfunctions.language import variables
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.values import Json, JsonObject, loads

_INNER: Final = frozenset({"Branches", "ItemProcessor", "Iterator"})
_TEMPLATES: Final = frozenset(
    {"Assign", "BatchInput", "Credentials", "ItemSelector", "Parameters", "ResultSelector"}
)
_STATIC: Final = frozenset({"Comment", "Result"})
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_VARIABLE: Final = re.compile(r"(?<![\w$])\$([^\W\d]\w*)(?!\w)(?!\s*\()")
_BOUND: Final = re.compile(r"\$(\w+)\s*:=")
_PARAMETERS: Final = re.compile(r"(?:\bfunction|λ)\s*\(([^)]*)\)")


def variable_references(definition_json: str) -> dict[str, list[str]]:
    """Return the names of the variables, sorted, by the name of each state that reads any."""
    definition = loads(definition_json)
    found: dict[str, list[str]] = {}
    if isinstance(definition, dict):
        for name, state, language in _states(definition, definition.get("QueryLanguage")):
            names = _read_by_jsonata(state) if language == "JSONata" else _read_by_paths(state)
            if names:
                found[name] = sorted(names)
    return found


def _states(machine: JsonObject, inherited: Json) -> Iterator[tuple[str, JsonObject, Json]]:
    states = machine.get("States")
    for name, state in states.items() if isinstance(states, dict) else []:
        if not isinstance(state, dict):
            continue
        yield name, state, state.get("QueryLanguage", inherited)
        for field in _INNER & state.keys():
            inner = state[field]
            for graph in inner if isinstance(inner, list) else [inner]:
                if isinstance(graph, dict):
                    yield from _states(graph, inherited)


def _read_by_jsonata(state: JsonObject) -> set[str]:
    return {
        name
        for text in _strings(state)
        if templates.is_expression(text)
        for name in _names_in_expression(templates.source_of(text))
    }


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name not in _INNER and name not in _STATIC:
                yield from _strings(part)


def _names_in_expression(source: str) -> set[str]:
    text = _QUOTED.sub("''", source)
    bound = set(_BOUND.findall(text))
    for parameters in _PARAMETERS.findall(text):
        bound |= {name.strip().removeprefix("$") for name in parameters.split(",")}
    return set(_VARIABLE.findall(text)) - bound - {variables.RESERVED_NAME}


def _read_by_paths(state: JsonObject) -> set[str]:
    return {
        name
        for path in _paths(state, is_template=False)
        for name in _VARIABLE.findall(_QUOTED.sub("''", path))
    }


def _paths(value: Json, *, is_template: bool) -> Iterator[str]:
    """Yield the paths and intrinsics of a state: dynamic fields of templates, and `…Path`."""
    if isinstance(value, list):
        for part in value:
            yield from _paths(part, is_template=is_template)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name in _INNER or name in _STATIC:
                continue
            is_path = name.endswith(".$") or (
                not is_template and (name.endswith("Path") or name == "Variable")
            )
            if is_path and isinstance(part, str):
                yield part
            else:
                yield from _paths(part, is_template=is_template or name in _TEMPLATES)

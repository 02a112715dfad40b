"""Event patterns: compiled once, then matched against events. Pure.

A pattern's fields are all required; a field matches when any of its filters does; a field
inside an array of objects must match within the same element as its siblings.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.events.filters import RESERVED, Filter, InvalidPattern, exact, filter_of

MAX_BRANCHES = 1000
"""How many combinations `$or` may unfold into."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a pattern wants of one field: one of `filters`, or (when `absent`) nothing there."""

    filters: tuple[Filter, ...]
    absent: bool


Branch = Mapping[str, Field]
Place = Mapping[str, int]
"""Which element of each array, by the array's path, a value lies in."""

Values = Mapping[str, Sequence[tuple[object, Place]]]
"""The scalars of an event by dotted path."""


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A compiled pattern: it matches when one of its branches does."""

    branches: tuple[Branch, ...]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """True when `event`, as parsed JSON, matches."""
        values = _flatten(event)
        return any(_matches(branch, values) for branch in self.branches)


def parse_pattern(text: str) -> EventPattern:
    """Compile the JSON of a pattern, or raise InvalidPattern with AWS's reason."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPattern(f"{error}") from error
    return compile_pattern(pattern)


def compile_pattern(pattern: object) -> EventPattern:
    """Compile a pattern from parsed JSON, or raise InvalidPattern with AWS's reason."""
    if not isinstance(pattern, dict):
        raise InvalidPattern("Filter is not an object")
    return EventPattern(tuple(_compile(pattern, "", [{}])))


def _compile(node: Mapping[str, Any], path: str, branches: list[Branch]) -> list[Branch]:
    """Return `branches`, each extended by the fields of `node`, forked at every `$or`."""
    if not node:
        raise InvalidPattern("Empty objects are not allowed")
    for name, value in node.items():
        if name == "$or" and _is_or(value):
            branches = [
                branch for option in value for branch in _compile(option, path, list(branches))
            ]
            if len(branches) > MAX_BRANCHES:
                raise InvalidPattern(f"$or unfolds into more than {MAX_BRANCHES} combinations")
            continue
        inner = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            branches = _compile(value, inner, branches)
        elif isinstance(value, list):
            field = _field(value)
            branches = [{**branch, inner: field} for branch in branches]
        else:
            raise InvalidPattern(f'"{name}" must be an object or an array')
    return branches


def _is_or(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(isinstance(item, dict) and not RESERVED & set(item) for item in value)
    )


def _field(items: list[Any]) -> Field:
    if not items:
        raise InvalidPattern("Empty arrays are not allowed")
    filters: list[Filter] = []
    absent = False
    for item in items:
        if isinstance(item, list):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        if not isinstance(item, dict):
            filters.append(exact(item))
            continue
        operator, argument = _expression(item)
        if operator != "exists":
            filters.append(filter_of(operator, argument))
        elif argument is True:
            filters.append(lambda _: True)
        elif argument is False:
            absent = True
        else:
            raise InvalidPattern("exists match pattern must be either true or false.")
    return Field(tuple(filters), absent)


def _expression(item: Mapping[str, Any]) -> tuple[str, Any]:
    if not item:
        raise InvalidPattern("Match expression name not found")
    if len(item) > 1:
        raise InvalidPattern("Only one key allowed in match expression")
    return next(iter(item.items()))


def _flatten(event: Mapping[str, Any]) -> Values:
    values: dict[str, list[tuple[object, Place]]] = {}
    for path, value, place in _scalars(event):
        values.setdefault(path, []).append((value, place))
    return values


def _scalars(event: Mapping[str, Any]) -> Iterator[tuple[str, object, Place]]:
    waiting: list[tuple[str, object, Place]] = [("", event, {})]
    while waiting:
        path, node, place = waiting.pop()
        if isinstance(node, Mapping):
            prefix = f"{path}." if path else ""
            waiting.extend((prefix + name, value, place) for name, value in node.items())
        elif isinstance(node, list):
            array = path
            while array in place:
                array += "[]"
            waiting.extend((path, value, {**place, array: at}) for at, value in enumerate(node))
        else:
            yield path, node, place


def _matches(branch: Branch, values: Values) -> bool:
    choices: list[list[Place]] = []
    for path, field in branch.items():
        found = values.get(path, ())
        if field.absent and not found:
            continue
        fitting = [place for value, place in found if any(one(value) for one in field.filters)]
        if not fitting:
            return False
        choices.append(fitting)
    choices.sort(key=len)
    return _consistent(choices, 0, {})


def _consistent(choices: Sequence[Sequence[Place]], at: int, chosen: Place) -> bool:
    """True when one place of each choice can be taken such that no array is in two elements."""
    if at == len(choices):
        return True
    return any(
        _consistent(choices, at + 1, {**chosen, **place})
        for place in choices[at]
        if all(chosen.get(array, position) == position for array, position in place.items())
    )

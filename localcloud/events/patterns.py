"""Event patterns, which are compiled once and then matched against events.

A pattern's fields are all required; a field matches when any of its filters does; a field
inside an array of objects must match within the same element as its siblings.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.events.content_filters import (
    RESERVED_WORDS,
    ContentFilter,
    InvalidPattern,
    build_filter,
    equals,
)

MAX_OR_COMBINATIONS = 1000
"""The limit of combinations that all `$or` of one pattern expand to."""


@dataclass(frozen=True, slots=True)
class PatternField:
    """The condition on one field: one of `filters` matches, or the field may be `absent`."""

    filters: tuple[ContentFilter, ...]
    absent: bool


PatternBranch = Mapping[str, PatternField]
"""One combination of `$or` alternatives: conditions by the dotted path of the field."""

ArrayPositions = Mapping[str, int]
"""The index of the element that holds a value, by the path of the array."""

EventValues = Mapping[str, Sequence[tuple[object, ArrayPositions]]]
"""The scalars of an event by dotted path."""


@dataclass(frozen=True, slots=True)
class EventPattern:
    """A compiled event pattern, which matches when one of its branches matches."""

    branches: tuple[PatternBranch, ...]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether `event`, as parsed JSON, matches."""
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


def _compile(
    node: Mapping[str, Any], path: str, branches: list[PatternBranch]
) -> list[PatternBranch]:
    """Return `branches`, each extended by the fields of `node` and split at every `$or`."""
    if not node:
        raise InvalidPattern("Empty objects are not allowed")
    for name, value in node.items():
        if name == "$or" and _is_or_operator(value):
            branches = [
                branch for option in value for branch in _compile(option, path, list(branches))
            ]
            if len(branches) > MAX_OR_COMBINATIONS:
                raise InvalidPattern(
                    f"$or unfolds into more than {MAX_OR_COMBINATIONS} combinations"
                )
            continue
        inner = f"{path}.{name}" if path else name
        if isinstance(value, dict):
            branches = _compile(value, inner, branches)
        elif isinstance(value, list):
            field = _pattern_field(value)
            branches = [{**branch, inner: field} for branch in branches]
        else:
            raise InvalidPattern(f'"{name}" must be an object or an array')
    return branches


def _is_or_operator(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) >= 2
        and all(isinstance(item, dict) and not RESERVED_WORDS & set(item) for item in value)
    )


def _pattern_field(items: list[Any]) -> PatternField:
    if not items:
        raise InvalidPattern("Empty arrays are not allowed")
    filters: list[ContentFilter] = []
    absent = False
    for item in items:
        if isinstance(item, list):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        if not isinstance(item, dict):
            filters.append(equals(item))
            continue
        operator, argument = _operator(item)
        if operator != "exists":
            filters.append(build_filter(operator, argument))
        elif argument is True:
            filters.append(lambda _: True)
        elif argument is False:
            absent = True
        else:
            raise InvalidPattern("exists match pattern must be either true or false.")
    return PatternField(tuple(filters), absent)


def _operator(item: Mapping[str, Any]) -> tuple[str, Any]:
    if not item:
        raise InvalidPattern("Match expression name not found")
    if len(item) > 1:
        raise InvalidPattern("Only one key allowed in match expression")
    return next(iter(item.items()))


def _flatten(event: Mapping[str, Any]) -> EventValues:
    values: dict[str, list[tuple[object, ArrayPositions]]] = {}
    for path, value, positions in _scalars(event):
        values.setdefault(path, []).append((value, positions))
    return values


def _scalars(event: Mapping[str, Any]) -> Iterator[tuple[str, object, ArrayPositions]]:
    waiting: list[tuple[str, object, ArrayPositions]] = [("", event, {})]
    while waiting:
        path, node, positions = waiting.pop()
        if isinstance(node, Mapping):
            prefix = f"{path}." if path else ""
            waiting.extend((prefix + name, value, positions) for name, value in node.items())
        elif isinstance(node, list):
            array = path
            while array in positions:
                array += "[]"
            waiting.extend(
                (path, value, {**positions, array: index}) for index, value in enumerate(node)
            )
        else:
            yield path, node, positions


def _matches(branch: PatternBranch, values: EventValues) -> bool:
    choices: list[list[ArrayPositions]] = []
    for path, field in branch.items():
        candidates = values.get(path, ())
        if field.absent and not candidates:
            continue
        matching = [
            positions
            for value, positions in candidates
            if any(is_match(value) for is_match in field.filters)
        ]
        if not matching:
            return False
        choices.append(matching)
    choices.sort(key=len)
    return _have_consistent_positions(choices, 0, {})


def _have_consistent_positions(
    choices: Sequence[Sequence[ArrayPositions]], index: int, chosen: ArrayPositions
) -> bool:
    """Return whether one of the positions of each choice fits all the others.

    Positions fit if they agree on the element of every array that they share.
    """
    if index == len(choices):
        return True
    return any(
        _have_consistent_positions(choices, index + 1, {**chosen, **positions})
        for positions in choices[index]
        if all(chosen.get(array, position) == position for array, position in positions.items())
    )

"""Evaluate JSONPath with Jayway's semantics, as AWS does.

A definite path (names and single indices only) returns the value; any other returns a list,
which is empty if the path leads nowhere.
https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from localcloud.stepfunctions.language.errors import REFERENCE_PATH_CONFLICT, StatesError
from localcloud.stepfunctions.language.jsonpath.filters import passes
from localcloud.stepfunctions.language.jsonpath.nodes import (
    ChildSegment,
    DescendantSegment,
    FilterSegment,
    FunctionSegment,
    IndexSegment,
    JsonPath,
    PathSyntaxError,
    Segment,
    SliceSegment,
    is_definite_segment,
)
from localcloud.stepfunctions.language.jsonpath.parser import parse
from localcloud.stepfunctions.language.values import ABSENT, Environment, Json, Template, dumps

__all__ = ["PathMissing", "PathSyntaxError", "check_path", "insert", "is_path", "read"]

_NOWHERE = Environment()


class PathMissing(Exception):  # noqa: N818 - it is a result, not always an error
    """A definite path does not exist; `str()` says where it ended, as Jayway does."""


def is_path(text: str) -> bool:
    """Return whether `text` is a well-formed path."""
    try:
        parse(text)
    except PathSyntaxError:
        return False
    return True


def check_path(path: str, *, reference: bool = False) -> None:
    """Raise `PathSyntaxError` unless `path` is a path; `reference` demands one definite node."""
    if reference and not parse(path).is_reference:
        raise PathSyntaxError(f"'{path}' is not a reference path")
    parse(path)


def read(path: str, value: Json, environment: Environment = _NOWHERE) -> Json:
    """Return the value at `path`: in `value` (`$`), the context (`$$`) or a variable (`$name`).

    A path with a wildcard, slice or filter that leads nowhere gives `[]`. Raises `PathMissing`
    if a definite path or a variable does not exist, `PathSyntaxError` for invalid text.
    """
    parsed = parse(path)
    try:
        return _Evaluation(value, environment).read(parsed, value)
    except PathMissing:
        if parsed.is_definite or not _has_root(parsed, environment):
            raise
        return []


def _has_root(path: JsonPath, environment: Environment) -> bool:
    return path.root in {"$", "$$"} or path.root in environment.variables


@dataclass(frozen=True, slots=True)
class _Node:
    value: Json
    trail: str


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One evaluation of a path; filters read further paths from the same roots."""

    document: Json
    environment: Environment = field(default_factory=Environment)

    def read(self, path: JsonPath, current: Json) -> Json:
        nodes = [self._root(path, current)]
        segments, function = _split(path.segments)
        strict = True
        for at, segment in enumerate(segments):
            if isinstance(segment, DescendantSegment):
                strict = False
                nodes = [deep for node in nodes for deep in _descendants(node)]
                continue
            is_leaf = at == len(segments) - 1
            nodes = [new for node in nodes for new in self._step(segment, node, is_leaf, strict)]
            strict = strict and is_definite_segment(segment, is_leaf=is_leaf)
        selected: Json = [node.value for node in nodes]
        if JsonPath(path.root, segments).is_definite:
            selected = nodes[0].value
        return selected if function is None else _apply(function.name, selected)

    def _root(self, path: JsonPath, current: Json) -> _Node:
        if path.root == "@":
            return _Node(current, "@")
        if path.root == "$":
            return _Node(self.document, "$")
        if path.root == "$$":
            return _Node(self.environment.context, "$")
        if path.root not in self.environment.variables:
            raise PathMissing(f"Variable '${path.root}' is not defined")
        return _Node(self.environment.variables[path.root], f"${path.root}")

    def _step(self, segment: Segment, node: _Node, is_leaf: bool, strict: bool) -> list[_Node]:
        if isinstance(segment, ChildSegment):
            return _children(segment, node, is_leaf, strict)
        if isinstance(segment, IndexSegment | SliceSegment):
            return _elements(segment, node, strict)
        if isinstance(segment, FilterSegment):
            return [kept for kept in _candidates(node) if self._keeps(segment, kept.value)]
        return _members(node)

    def _keeps(self, segment: FilterSegment, element: Json) -> bool:
        return passes(segment.predicate, element, self._resolve)

    def _resolve(self, path: JsonPath, element: Json) -> Template:
        try:
            return self.read(path, element)
        except PathMissing:
            return ABSENT


def _split(segments: tuple[Segment, ...]) -> tuple[tuple[Segment, ...], FunctionSegment | None]:
    if segments and isinstance(segments[-1], FunctionSegment):
        return segments[:-1], segments[-1]
    return segments, None


def _children(segment: ChildSegment, node: _Node, is_leaf: bool, strict: bool) -> list[_Node]:
    value = node.value
    if not isinstance(value, dict):
        if strict:
            raise PathMissing(
                f"Expected to find an object with property ['{segment.names[0]}'] in path "
                f"{node.trail} but found '{_kind(value)}'"
            )
        return []
    if len(segment.names) > 1:
        present = {name: value[name] for name in segment.names if name in value}
        if is_leaf:
            return [_Node(present, node.trail)]
        return [_Node(part, f"{node.trail}['{name}']") for name, part in present.items()]
    [name] = segment.names
    trail = f"{node.trail}['{name}']"
    if name in value:
        return [_Node(value[name], trail)]
    if strict:
        missing = "No results for path: " if is_leaf else "Missing property in path "
        raise PathMissing(missing + trail)
    return []


def _elements(segment: IndexSegment | SliceSegment, node: _Node, strict: bool) -> list[_Node]:
    value = node.value
    if not isinstance(value, list):
        if strict:
            raise PathMissing(
                f"Filter: {_written(segment)} can only be applied to arrays. "
                f"Current context is: {dumps(value)}"
            )
        return []
    if isinstance(segment, SliceSegment):
        chosen = list(range(len(value)))[segment.start : segment.stop]
    else:
        length = len(value)
        chosen = [at % length for at in segment.indices if -length <= at < length]
        if strict and len(segment.indices) == 1 and not chosen:
            raise PathMissing(f"No results for path: {node.trail}{_written(segment)}")
    return [_Node(value[at], f"{node.trail}[{at}]") for at in chosen]


def _written(segment: IndexSegment | SliceSegment) -> str:
    if isinstance(segment, IndexSegment):
        return f"[{','.join(map(str, segment.indices))}]"
    start, stop = segment.start, segment.stop
    return f"[{'' if start is None else start}:{'' if stop is None else stop}]"


def _members(node: _Node) -> list[_Node]:
    if isinstance(node.value, dict):
        return [_Node(part, f"{node.trail}['{name}']") for name, part in node.value.items()]
    if isinstance(node.value, list):
        return [_Node(part, f"{node.trail}[{at}]") for at, part in enumerate(node.value)]
    return []


def _candidates(node: _Node) -> list[_Node]:
    """Return what a filter tests: the elements of an array, or an object itself."""
    return [node] if isinstance(node.value, dict) else _members(node)


def _descendants(node: _Node) -> Iterator[_Node]:
    yield node
    for member in _members(node):
        yield from _descendants(member)


def _kind(value: Json) -> str:
    return {"NoneType": "null", "str": "string", "list": "array"}.get(
        type(value).__name__, "boolean" if isinstance(value, bool) else "number"
    )


def _apply(function: str, value: Json) -> Json:
    if function in {"length", "size"}:
        return len(value) if isinstance(value, list | dict) else None
    if function == "keys":
        return list(value) if isinstance(value, dict) else None
    if function in {"first", "last"}:
        if not isinstance(value, list) or not value:
            raise PathMissing(f"{function}() of something that is no array or is empty")
        return value[0 if function == "first" else -1]
    return _aggregate(function, value)


def _aggregate(function: str, value: Json) -> Json:
    listed = value if isinstance(value, list) else []
    numbers = [
        float(part)
        for part in listed
        if isinstance(part, int | float) and not isinstance(part, bool)
    ]
    if not numbers:
        raise PathMissing("Aggregation function attempted to calculate value using empty array")
    if function == "min":
        return min(numbers)
    if function == "max":
        return max(numbers)
    if function == "sum":
        return sum(numbers)
    return statistics.fmean(numbers) if function == "avg" else statistics.pstdev(numbers)


def insert(path: str, target: Json, value: Json) -> Json:
    """Return a copy of `target` with `value` at reference path `path`, as ResultPath does.

    Raises `StatesError` (`States.ReferencePathConflict`) where `target` cannot hold it.
    """
    return _insert(parse(path).segments, target, value)


def _insert(segments: tuple[Segment, ...], target: Json, value: Json) -> Json:
    if not segments:
        return value
    segment, rest = segments[0], segments[1:]
    if isinstance(segment, ChildSegment):
        [name] = segment.names
        if not isinstance(target, dict):
            raise StatesError(
                REFERENCE_PATH_CONFLICT, f'Unable to apply step "{name}" to input {dumps(target)}'
            )
        return {**target, name: _insert(rest, target.get(name, {}), value)}
    if not isinstance(segment, IndexSegment):
        raise PathSyntaxError("a reference path is needed")
    [at] = segment.indices
    if not isinstance(target, list) or not -len(target) <= at < len(target):
        raise StatesError(
            REFERENCE_PATH_CONFLICT, f'Unable to apply step "{at}" to input {dumps(target)}'
        )
    copy = list(target)
    copy[at] = _insert(rest, target[at], value)
    return copy

"""Checks of parameters against a service model: required members, lengths, ranges, enums."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from localcloud.errors import AwsError

_BOUNDED = frozenset({"string", "integer", "long", "float", "double"})
_MAX_SHOWN = 200


_PATTERNED_SERVICES = frozenset({"scheduler", "transcribe"})
"""Services whose models' patterns are checked. Those of others are not all of Python's dialect."""
_ERROR_CODES = {"transcribe": "BadRequestException"}
"""The code of a violated constraint, of services that have no ValidationException."""


@dataclass(frozen=True, slots=True)
class ConstraintRules:
    """The checks of a service's parameters: whether patterns count, and the code of the error."""

    patterns: bool = False
    code: str = "ValidationException"


def rules_of(model: ServiceModel) -> ConstraintRules:
    """Return how the service of a model checks parameters."""
    name = model.service_name
    code = _ERROR_CODES.get(name, "ValidationException")
    return ConstraintRules(name in _PATTERNED_SERVICES, code)


def _bound_violations(shape: Shape, value: Any) -> Iterator[str]:
    """Yield AWS's words for each bound of `shape` that `value` violates."""
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    sized = isinstance(value, str | bytes | list | dict)
    size = len(value) if sized else value
    measure = "length" if sized else "value"
    if low is not None and size < low:
        yield f"Member must have {measure} greater than or equal to {low}"
    if high is not None and size > high:
        yield f"Member must have {measure} less than or equal to {high}"


def bounds(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Yield AWS's words for each bound on the length or size of `value` that it violates."""
    for violation in _bound_violations(shape, value):
        shown = "" if shape.metadata.get("sensitive") else f" '{_short(value)}'"
        yield f"Value{shown} at '{path}' failed to satisfy constraint: {violation}"


def _short(value: Any) -> str:
    """Return the beginning of a value, for a message; the value may be megabytes."""
    text = str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _map_keys(shape: MapShape, value: dict[str, Any], path: str) -> Iterator[str]:
    broken = {words for key in value for words in _bound_violations(shape.key, key)}
    if broken:
        yield (
            f"Value at '{path}' failed to satisfy constraint: "
            f"Map keys must satisfy constraint: [{', '.join(sorted(broken))}]"
        )


def _enum(shape: Shape, value: Any, path: str) -> Iterator[str]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield (
            f"Value '{_short(value)}' at '{path}' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        )


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield AWS's words for each constraint of `shape` that `value` violates."""
    if isinstance(shape, StructureShape):
        if not shape.is_document_type:
            yield from _structure(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from bounds(shape, value, path)
        if not _is_free(shape.member):
            for number, item in enumerate(value, 1):
                yield from violations(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from bounds(shape, value, path)
        yield from _map_keys(shape, value, path)
        for key, item in value.items():
            yield from violations(shape.value, item, f"{path}.{key}")
    elif shape.type_name in _BOUNDED or isinstance(value, bytes):
        yield from bounds(shape, value, path)
        yield from _enum(shape, value, path)


def _is_free(shape: Shape) -> bool:
    """Return whether a number of this shape may be any: a vector has hundreds of them."""
    return shape.type_name in ("float", "double") and not {"min", "max"} & shape.metadata.keys()


def _structure(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            missing = member_path(path, name)
            yield f"Value at '{missing}' failed to satisfy constraint: Member must not be null"
    for name, item in value.items():
        yield from violations(shape.members[name], item, member_path(path, name))


def member_path(path: str, name: str) -> str:
    """Return the path of a member as AWS writes it, with a small first letter."""
    name = re.sub(r"^[A-Z]", lambda first: first.group().lower(), name)
    return f"{path}.{name}" if path else name


def pattern_violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield AWS's words for each text in `value` that does not match the pattern of its shape."""
    if isinstance(shape, StructureShape):
        for name, item in value.items():
            yield from pattern_violations(shape.members[name], item, member_path(path, name))
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not re.fullmatch(pattern, value, re.ASCII):
        yield (
            f"Value '{_short(value)}' at '{path}' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {pattern}"
        )


def check(
    shape: Shape | None, params: dict[str, Any], rules: ConstraintRules = ConstraintRules()
) -> None:
    """Raise the error of `rules` with every violated constraint if `params` violates one."""
    found = list(violations(shape, params)) if shape is not None else []
    if shape is not None and rules.patterns:
        found += pattern_violations(shape, params)
    if found:
        plural = "error" if len(found) == 1 else "errors"
        raise AwsError(
            rules.code,
            f"{len(found)} validation {plural} detected: {'; '.join(found)}",
        )

"""Metadata filters: parsed with the service's checks, then asked of one value at a time.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html

A condition object holds exactly one key; operand types are those of the guide's table, and
anything else is the bare "Invalid filter" that the service answers with. A comparison with a
value of another type matches nothing and is no error. The guide does not say what `$ne` and
`$nin` make of a vector without the key: here they match it, as being the opposite of `$eq`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from localcloud.errors import AwsError
from localcloud.s3vectors.errors import invalid

Scalar: TypeAlias = str | int | float | bool
Metadata: TypeAlias = Mapping[str, object]

MAX_CONSTRAINTS = 100
MISSING: Final = object()
"""Stands for the value of a key that a vector does not have."""


@dataclass(frozen=True, slots=True)
class Compare:
    """One operator on one key."""

    key: str
    operator: str
    operand: object

    def accepts(self, value: object) -> bool:
        """Tell whether `value`, or MISSING, satisfies the operator."""
        return _OPERATORS[self.operator](value, self.operand)

    def matches(self, metadata: Metadata) -> bool:
        """Tell whether `metadata` satisfies the operator."""
        return self.accepts(metadata.get(self.key, MISSING))


@dataclass(frozen=True, slots=True)
class Both:
    """Every part must match."""

    parts: tuple[Filter, ...]

    def matches(self, metadata: Metadata) -> bool:
        """Tell whether every part matches."""
        return all(part.matches(metadata) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part must match."""

    parts: tuple[Filter, ...]

    def matches(self, metadata: Metadata) -> bool:
        """Tell whether a part matches."""
        return any(part.matches(metadata) for part in self.parts)


Filter: TypeAlias = Compare | Both | Either


def parse(written: object, non_filterable: Collection[str] = ()) -> Filter:
    """Return the filter that `written`, a JSON document, is. Raises ValidationException."""
    parsed = _condition(written, non_filterable)
    if _constraints(parsed) > MAX_CONSTRAINTS:
        raise invalid("filter", f"Filter must have at most {MAX_CONSTRAINTS} constraints")
    return parsed


def _condition(written: object, non_filterable: Collection[str]) -> Filter:
    if not isinstance(written, dict) or len(written) != 1:
        raise _bad()
    ((key, value),) = written.items()
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise _bad()
        parts = tuple(_condition(part, non_filterable) for part in value)
        return Both(parts) if key == "$and" else Either(parts)
    if key.startswith("$"):
        raise _bad()
    if key in non_filterable:
        raise invalid("filter", "Invalid use of non-filterable metadata in filter")
    return _comparisons(key, value)


def _comparisons(key: str, value: object) -> Filter:
    if not isinstance(value, dict):
        return _comparison(key, "$eq", value)
    if not value:
        raise _bad()
    parts = tuple(_comparison(key, operator, operand) for operator, operand in value.items())
    return parts[0] if len(parts) == 1 else Both(parts)


def _comparison(key: str, operator: str, operand: object) -> Compare:
    check = _OPERANDS.get(operator)
    if check is None or not check(operand):
        raise _bad()
    return Compare(key, operator, operand)


def _constraints(parsed: Filter) -> int:
    if isinstance(parsed, Compare):
        return 1
    return sum(_constraints(part) for part in parsed.parts)


def _bad() -> AwsError:
    return invalid("filter", "Invalid filter")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def _is_list_of_scalars(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_scalar, value))


_OPERANDS: Mapping[str, Callable[[object], bool]] = {
    "$eq": _is_scalar,
    "$ne": _is_scalar,
    "$gt": _is_number,
    "$gte": _is_number,
    "$lt": _is_number,
    "$lte": _is_number,
    "$in": _is_list_of_scalars,
    "$nin": _is_list_of_scalars,
    "$exists": lambda value: isinstance(value, bool),
    "$startsWith": lambda value: isinstance(value, str),
}


def _items(value: object) -> Sequence[object]:
    if value is MISSING:
        return ()
    return value if isinstance(value, list) else (value,)


def same(left: object, right: object) -> bool:
    """Tell whether two scalars are equal; true is not 1, and 1 is 1.0."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _equals(value: object, operand: object) -> bool:
    return any(same(item, operand) for item in _items(value))


def _is_in(value: object, operand: object) -> bool:
    return any(_equals(value, wanted) for wanted in _items(operand))


def _numbers(value: object) -> list[float]:
    return [
        item
        for item in _items(value)
        if isinstance(item, int | float) and not isinstance(item, bool)
    ]


def _ordered(holds: Callable[[float, float], bool]) -> Callable[[object, object], bool]:
    def operator(value: object, operand: object) -> bool:
        return any(holds(item, bound) for item in _numbers(value) for bound in _numbers(operand))

    return operator


def _starts_with(value: object, operand: object) -> bool:
    return any(isinstance(item, str) and item.startswith(str(operand)) for item in _items(value))


_OPERATORS: Mapping[str, Callable[[object, object], bool]] = {
    "$eq": _equals,
    "$ne": lambda value, operand: not _equals(value, operand),
    "$gt": _ordered(lambda item, bound: item > bound),
    "$gte": _ordered(lambda item, bound: item >= bound),
    "$lt": _ordered(lambda item, bound: item < bound),
    "$lte": _ordered(lambda item, bound: item <= bound),
    "$in": _is_in,
    "$nin": lambda value, operand: not _is_in(value, operand),
    "$exists": lambda value, operand: (value is not MISSING) == operand,
    "$startsWith": _starts_with,
}

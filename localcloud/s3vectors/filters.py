"""Metadata filters: parsing, evaluation of one vector, and evaluation of all vectors at once.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html

A condition object holds exactly one key; operand types are those of the guide's table, and
anything else is the bare "Invalid filter" that the service answers with. A comparison with a
value of another type matches nothing and is no error. The guide does not say whether `$ne` and
`$nin` match a vector without the key: here they do, as the opposites of `$eq` and `$in`.

Metadata is also kept by column, so that a filter costs one look-up per row instead of one call.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from localcloud.errors import AwsError
from localcloud.s3vectors.requests import validation_error

Scalar: TypeAlias = str | int | float | bool
Metadata: TypeAlias = Mapping[str, object]

MAX_CONSTRAINTS = 100
MISSING: Final = object()
"""Stands for the value of a key that a vector does not have."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition of one operator on one metadata key."""

    key: str
    operator: str
    operand: object

    def accepts(self, value: object) -> bool:
        """Return whether `value`, or MISSING, satisfies the operator."""
        return _OPERATORS[self.operator](value, self.operand)

    def matches(self, metadata: Metadata) -> bool:
        """Return whether `metadata` satisfies the operator."""
        return self.accepts(metadata.get(self.key, MISSING))


@dataclass(frozen=True, slots=True)
class AndFilter:
    """A condition that holds if every part matches."""

    parts: tuple[MetadataFilter, ...]

    def matches(self, metadata: Metadata) -> bool:
        """Return whether every part matches."""
        return all(part.matches(metadata) for part in self.parts)


@dataclass(frozen=True, slots=True)
class OrFilter:
    """A condition that holds if at least one part matches."""

    parts: tuple[MetadataFilter, ...]

    def matches(self, metadata: Metadata) -> bool:
        """Return whether a part matches."""
        return any(part.matches(metadata) for part in self.parts)


MetadataFilter: TypeAlias = Comparison | AndFilter | OrFilter


def parse_filter(document: object, non_filterable: Collection[str] = ()) -> MetadataFilter:
    """Parse the JSON document of a filter. Raises ValidationException.

    Args:
        document: the decoded JSON of the request's `filter`.
        non_filterable: keys that a filter must not name.
    """
    parsed = _condition(document, non_filterable)
    if _constraint_count(parsed) > MAX_CONSTRAINTS:
        raise validation_error("filter", f"Filter must have at most {MAX_CONSTRAINTS} constraints")
    return parsed


def _condition(document: object, non_filterable: Collection[str]) -> MetadataFilter:
    if not isinstance(document, dict) or len(document) != 1:
        raise _invalid_filter()
    ((key, value),) = document.items()
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise _invalid_filter()
        parts = tuple(_condition(part, non_filterable) for part in value)
        return AndFilter(parts) if key == "$and" else OrFilter(parts)
    if key.startswith("$"):
        raise _invalid_filter()
    if key in non_filterable:
        raise validation_error("filter", "Invalid use of non-filterable metadata in filter")
    return _comparisons(key, value)


def _comparisons(key: str, value: object) -> MetadataFilter:
    if not isinstance(value, dict):
        return _comparison(key, "$eq", value)
    if not value:
        raise _invalid_filter()
    parts = tuple(_comparison(key, operator, operand) for operator, operand in value.items())
    return parts[0] if len(parts) == 1 else AndFilter(parts)


def _comparison(key: str, operator: str, operand: object) -> Comparison:
    check = _OPERANDS.get(operator)
    if check is None or not check(operand):
        raise _invalid_filter()
    return Comparison(key, operator, operand)


def _constraint_count(parsed: MetadataFilter) -> int:
    if isinstance(parsed, Comparison):
        return 1
    return sum(_constraint_count(part) for part in parsed.parts)


def _invalid_filter() -> AwsError:
    return validation_error("filter", "Invalid filter")


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


def scalars_equal(left: object, right: object) -> bool:
    """Return whether two scalars are equal; true is not 1, but 1 is 1.0."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _equals(value: object, operand: object) -> bool:
    return any(scalars_equal(item, operand) for item in _items(value))


def _is_in(value: object, operand: object) -> bool:
    return any(_equals(value, wanted) for wanted in _items(operand))


def _numbers(value: object) -> list[float]:
    return [
        item
        for item in _items(value)
        if isinstance(item, int | float) and not isinstance(item, bool)
    ]


def _number_comparison(
    compare: Callable[[float, float], bool],
) -> Callable[[object, object], bool]:
    def operator(value: object, operand: object) -> bool:
        return any(compare(item, bound) for item in _numbers(value) for bound in _numbers(operand))

    return operator


def _starts_with(value: object, operand: object) -> bool:
    return any(isinstance(item, str) and item.startswith(str(operand)) for item in _items(value))


_OPERATORS: Mapping[str, Callable[[object, object], bool]] = {
    "$eq": _equals,
    "$ne": lambda value, operand: not _equals(value, operand),
    "$gt": _number_comparison(lambda item, bound: item > bound),
    "$gte": _number_comparison(lambda item, bound: item >= bound),
    "$lt": _number_comparison(lambda item, bound: item < bound),
    "$lte": _number_comparison(lambda item, bound: item <= bound),
    "$in": _is_in,
    "$nin": lambda value, operand: not _is_in(value, operand),
    "$exists": lambda value, operand: (value is not MISSING) == operand,
    "$startsWith": _starts_with,
}


Mask = NDArray[np.bool_]


class MetadataColumn:
    """The values of one metadata key for all rows.

    The column holds a code for each row and the value of each code, so that a condition is
    evaluated once for each distinct value. Code 0 is a row that does not have the key.
    """

    def __init__(self) -> None:
        """Create a column without rows."""
        self._codes = np.zeros(64, np.int32)
        self._values: list[object] = [MISSING]
        self._code_of: dict[str, int] = {}

    def set(self, row: int, value: object) -> None:
        """Set the value of `row`."""
        if row >= len(self._codes):
            grown = np.zeros(max(row + 1, 2 * len(self._codes)), np.int32)
            grown[: len(self._codes)] = self._codes
            self._codes = grown
        encoded = json.dumps(value)
        code = self._code_of.get(encoded)
        if code is None:
            code = self._code_of[encoded] = len(self._values)
            self._values.append(value)
        self._codes[row] = code

    def mask(self, condition: Comparison, rows: int) -> Mask:
        """Return which of the first `rows` rows satisfy `condition`."""
        accepted = np.fromiter(
            (condition.accepts(value) for value in self._values), np.bool_, len(self._values)
        )
        codes = self._codes[:rows]
        mask: Mask = np.full(rows, accepted[0])
        mask[: len(codes)] = accepted[codes]
        return mask


class MetadataColumns:
    """The filterable metadata of every row."""

    def __init__(self) -> None:
        """Create a table without rows."""
        self._columns: dict[str, MetadataColumn] = {}

    def set(self, row: int, metadata: Mapping[str, object]) -> None:
        """Set the metadata of `row`, which must have had none."""
        for key, value in metadata.items():
            self._columns.setdefault(key, MetadataColumn()).set(row, value)

    def mask(self, condition: MetadataFilter, rows: int) -> Mask:
        """Return which of the first `rows` rows match `condition`."""
        if isinstance(condition, Comparison):
            return self._columns.get(condition.key, _EMPTY).mask(condition, rows)
        masks = [self.mask(part, rows) for part in condition.parts]
        combine = np.logical_and if isinstance(condition, AndFilter) else np.logical_or
        combined: Mask = combine.reduce(masks)
        return combined


_EMPTY = MetadataColumn()

"""Evaluate filters of JSONPath, for example `[?(@.price < 10)]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from localcloud.stepfunctions.language.jsonpath.nodes import (
    AndPredicate,
    ComparisonPredicate,
    ExistsPredicate,
    JsonPath,
    LiteralOperand,
    NotPredicate,
    Operand,
    OrPredicate,
    Predicate,
    RegexOperand,
)
from localcloud.stepfunctions.language.values import ABSENT, Json, Template

Resolve: TypeAlias = Callable[[JsonPath, Json], Template]
"""Reads a path of the filter for the element; absent if it does not exist."""


def passes(predicate: Predicate, element: Json, resolve: Resolve) -> bool:
    """Return whether `element` passes; `resolve` reads `@…`, `$…` and `$$…` in it."""
    if isinstance(predicate, NotPredicate):
        return not passes(predicate.part, element, resolve)
    if isinstance(predicate, AndPredicate):
        return all(passes(part, element, resolve) for part in predicate.parts)
    if isinstance(predicate, OrPredicate):
        return any(passes(part, element, resolve) for part in predicate.parts)
    if isinstance(predicate, ExistsPredicate):
        return resolve(predicate.path, element) is not ABSENT
    return _compare(predicate, element, resolve)


def _compare(test: ComparisonPredicate, element: Json, resolve: Resolve) -> bool:
    if test.operator == "=~":
        return _matches(test, element, resolve)
    left = _value(test.left, element, resolve)
    right = _value(test.right, element, resolve)
    if test.operator in {"==", "!="}:
        return _equal(left, right) == (test.operator == "==")
    if left is ABSENT or right is ABSENT:
        return False
    return _OPERATORS[test.operator](left, right)


def _matches(test: ComparisonPredicate, element: Json, resolve: Resolve) -> bool:
    regex, other = test.right, test.left
    if isinstance(other, RegexOperand):
        regex, other = other, regex
    text = _value(other, element, resolve)
    return (
        isinstance(regex, RegexOperand)
        and isinstance(text, str)
        and bool(regex.pattern.fullmatch(text))
    )


def _value(operand: Operand, element: Json, resolve: Resolve) -> Template:
    if isinstance(operand, LiteralOperand):
        return operand.value
    if isinstance(operand, JsonPath):
        return resolve(operand, element)
    return operand.pattern.pattern


def _number(value: Template) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _equal(left: Template, right: Template) -> bool:
    """Return whether two values are equal for Jayway: a number equals its string."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) or isinstance(right, int | float):
        number = _number(left)
        return number is not None and number == _number(right)
    return left == right


def _less(left: Json, right: Json) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left < right
    if isinstance(left, str) or isinstance(right, str):
        return False
    one, other = _number(left), _number(right)
    return one is not None and other is not None and one < other


def _contains(left: Json, right: Json) -> bool:
    if isinstance(left, list):
        return any(_equal(item, right) for item in left)
    return isinstance(left, str) and isinstance(right, str) and right in left


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _has_size(left: Json, right: Json) -> bool:
    return isinstance(left, list | str | dict) and _equal(len(left), right)


def _is_empty(left: Json, right: Json) -> bool:
    return isinstance(left, list | str | dict) and (not left) is right


_OPERATORS: Final[dict[str, Callable[[Json, Json], bool]]] = {
    "<": _less,
    ">": lambda left, right: _less(right, left),
    "<=": lambda left, right: _less(left, right) or _same_kind(left, right),
    ">=": lambda left, right: _less(right, left) or _same_kind(left, right),
    "in": lambda left, right: _contains(_items(right), left),
    "nin": lambda left, right: not _contains(_items(right), left),
    "contains": _contains,
    "subsetof": lambda left, right: all(_contains(_items(right), item) for item in _items(left)),
    "anyof": lambda left, right: any(_contains(_items(right), item) for item in _items(left)),
    "noneof": lambda left, right: not any(_contains(_items(right), item) for item in _items(left)),
    "size": _has_size,
    "empty": _is_empty,
}


def _same_kind(left: Json, right: Json) -> bool:
    return isinstance(left, str) == isinstance(right, str) and _equal(left, right)

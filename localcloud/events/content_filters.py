"""The content filters of event patterns, which test one value of an event.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ContentFilter = Callable[[object], bool]
"""Returns whether a scalar of an event (string, number, boolean or None) matches."""

NUMERIC_BOUND = 5e9
"""Numeric ranges work on values from -5e9 to 5e9, in AWS as here."""


class InvalidPattern(ValueError):  # noqa: N818 - AWS's own word
    """An event pattern that EventBridge rejects; the message is the reason that it gives."""


def equals(expected: object) -> ContentFilter:
    """Return the filter that matches `expected`; numbers by value, and `true` is not 1."""
    return lambda value: json_type(value) == json_type(expected) and value == expected


def json_type(value: object) -> str:
    """Return the JSON type of a scalar."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def build_filter(operator: str, argument: object) -> ContentFilter:
    """Return the filter `{operator: argument}`, or raise InvalidPattern."""
    build = _OPERATORS.get(operator)
    if build is None:
        raise InvalidPattern(f"Unrecognized match type {operator}")
    return build(argument)


def _require_string(argument: object, operator: str) -> str:
    if not isinstance(argument, str):
        raise InvalidPattern(f"{operator} match pattern must be a string")
    return argument


def _single_operator(argument: Mapping[str, object], operator: str) -> tuple[str, object]:
    if not argument:
        raise InvalidPattern(f"{operator} expression name not found")
    if len(argument) > 1:
        raise InvalidPattern("Only one key allowed in match expression")
    return next(iter(argument.items()))


def _affix_filter(name: str, test: Callable[[str, str], bool]) -> Callable[[object], ContentFilter]:
    """Return the builder of prefix or suffix, plain or `{"equals-ignore-case": …}`."""

    def build(argument: object) -> ContentFilter:
        if isinstance(argument, dict):
            operator, inner = _single_operator(argument, name)
            if operator != "equals-ignore-case":
                raise InvalidPattern(f"Unsupported {name} pattern: {operator}")
            folded = _require_string(inner, "equals-ignore-case").lower()
            return lambda value: isinstance(value, str) and test(value.lower(), folded)
        affix = _require_string(argument, name)
        return lambda value: isinstance(value, str) and test(value, affix)

    return build


def _equals_ignore_case(argument: object) -> ContentFilter:
    folded = _require_string(argument, "equals-ignore-case").lower()
    return lambda value: isinstance(value, str) and value.lower() == folded


def wildcard_regex(pattern: str) -> re.Pattern[str]:
    """Compile a wildcard: `*` is any run of characters; a backslash escapes `*` and itself."""
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            following = pattern[position + 1 : position + 2]
            if following not in ("*", "\\"):
                raise InvalidPattern(f"Invalid escape character at pos {position + 1}")
            parts.append(re.escape(following))
            position += 1
        elif character == "*":
            if pattern[position + 1 : position + 2] == "*":
                raise InvalidPattern(f"Consecutive wildcard characters at pos {position + 1}")
            parts.append(".*")
        else:
            parts.append(re.escape(character))
        position += 1
    return re.compile("".join(parts), re.DOTALL)


def _wildcard(argument: object) -> ContentFilter:
    regex = wildcard_regex(_require_string(argument, "wildcard"))
    return lambda value: isinstance(value, str) and regex.fullmatch(value) is not None


def _number(argument: object, operator: str) -> float:
    if json_type(argument) != "number" or not isinstance(argument, int | float):
        name = "equals" if operator == "=" else operator
        raise InvalidPattern(f"Value of {name} must be numeric")
    if not -NUMERIC_BOUND <= argument <= NUMERIC_BOUND:
        raise InvalidPattern("Value must be between -5.0E9 and 5.0E9, inclusive")
    return argument


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def _numeric(argument: object) -> ContentFilter:
    if not isinstance(argument, list):
        raise InvalidPattern("Value of numeric must be an array.")
    if len(argument) not in (2, 4):
        raise InvalidPattern("Too many elements in numeric expression" if len(argument) > 2
                             else "Invalid member in numeric match")  # fmt: skip
    pairs = [(argument[at], argument[at + 1]) for at in range(0, len(argument), 2)]
    for operator, _ in pairs:
        if operator not in _COMPARISONS:
            raise InvalidPattern(f"Unrecognized numeric range operator: {operator}")
    bounds = [(operator, _number(bound, operator)) for operator, bound in pairs]
    if len(bounds) == 2:
        _check_range(bounds)

    def matches(value: object) -> bool:
        if json_type(value) != "number" or not isinstance(value, int | float):
            return False
        if not -NUMERIC_BOUND <= value <= NUMERIC_BOUND:
            return False
        return all(_COMPARISONS[operator](value, bound) for operator, bound in bounds)

    return matches


def _check_range(bounds: Sequence[tuple[str, float]]) -> None:
    (low, bottom), (high, top) = bounds
    if low not in (">", ">="):
        raise InvalidPattern("Too many elements in numeric expression")
    if high not in ("<", "<="):
        raise InvalidPattern(f"Bad numeric range operator: {high}")
    if bottom >= top:
        raise InvalidPattern("Bottom must be less than top")


def _cidr(argument: object) -> ContentFilter:
    try:
        network = ipaddress.ip_network(_require_string(argument, "cidr"), strict=False)
    except ValueError as error:
        raise InvalidPattern(f"Malformed CIDR, {error}") from error

    def matches(value: object) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return matches


def _anything_but(argument: object) -> ContentFilter:
    if isinstance(argument, dict):
        operator, inner = _single_operator(argument, "Anything-But")
        if operator not in ("prefix", "suffix", "wildcard", "equals-ignore-case"):
            raise InvalidPattern(f"Unsupported anything-but pattern: {operator}")
        excluded = [
            build_filter(operator, _non_empty_string(item, operator))
            for item in _non_empty_list(inner, operator)
        ]
    else:
        values = _non_empty_list(argument, "anything-but")
        kinds = {json_type(item) for item in values}
        if kinds - {"str", "number"}:
            raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
        if len(kinds) != 1:
            raise InvalidPattern(
                "Inside anything but list, either all values are number or string, "
                "mixed type is not supported"
            )
        excluded = [equals(item) for item in values]
    return lambda value: not any(is_excluded(value) for is_excluded in excluded)


def _non_empty_list(argument: object, operator: str) -> list[Any]:
    items = argument if isinstance(argument, list) else [argument]
    if not items:
        raise InvalidPattern(f"Empty arrays are not allowed in {operator}")
    return items


def _non_empty_string(item: object, operator: str) -> str:
    text = _require_string(item, operator)
    if not text and operator in ("prefix", "suffix"):
        raise InvalidPattern("Null prefix/suffix not allowed")
    return text


_OPERATORS: Mapping[str, Callable[[object], ContentFilter]] = {
    "prefix": _affix_filter("prefix", str.startswith),
    "suffix": _affix_filter("suffix", str.endswith),
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
RESERVED_WORDS = frozenset({*_OPERATORS, "exists", "exactly"})
"""Keys that make an object in an array a filter, not an alternative of `$or`."""

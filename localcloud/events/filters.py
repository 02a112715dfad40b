"""The content filters of event patterns: one value of an event against one filter.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Filter = Callable[[object], bool]
"""Takes one scalar of an event: a string, number, boolean or None."""

NUMERIC_BOUND = 5e9
"""Numeric ranges work on values from -5e9 to 5e9, in AWS as here."""


class InvalidPattern(ValueError):  # noqa: N818 - AWS's own word
    """An event pattern that EventBridge refuses; the message is the reason it gives."""


def exact(wanted: object) -> Filter:
    """Match a value equal to `wanted`; numbers by value, `true` never equals 1."""
    return lambda value: type_of(value) == type_of(wanted) and value == wanted


def type_of(value: object) -> str:
    """Return the JSON type of a scalar."""
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def filter_of(operator: str, argument: object) -> Filter:
    """Return the filter `{operator: argument}`, or raise InvalidPattern."""
    build = _OPERATORS.get(operator)
    if build is None:
        raise InvalidPattern(f"Unrecognized match type {operator}")
    return build(argument)


def _text(argument: object, what: str) -> str:
    if not isinstance(argument, str):
        raise InvalidPattern(f"{what} match pattern must be a string")
    return argument


def _only(argument: Mapping[str, object], what: str) -> tuple[str, object]:
    if not argument:
        raise InvalidPattern(f"{what} expression name not found")
    if len(argument) > 1:
        raise InvalidPattern("Only one key allowed in match expression")
    return next(iter(argument.items()))


def _end(what: str, test: Callable[[str, str], bool]) -> Callable[[object], Filter]:
    """Build prefix or suffix, plain or `{"equals-ignore-case": …}`."""

    def build(argument: object) -> Filter:
        if isinstance(argument, dict):
            operator, inner = _only(argument, what)
            if operator != "equals-ignore-case":
                raise InvalidPattern(f"Unsupported {what} pattern: {operator}")
            folded = _text(inner, "equals-ignore-case").lower()
            return lambda value: isinstance(value, str) and test(value.lower(), folded)
        wanted = _text(argument, what)
        return lambda value: isinstance(value, str) and test(value, wanted)

    return build


def _equals_ignore_case(argument: object) -> Filter:
    folded = _text(argument, "equals-ignore-case").lower()
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


def _wildcard(argument: object) -> Filter:
    regex = wildcard_regex(_text(argument, "wildcard"))
    return lambda value: isinstance(value, str) and regex.fullmatch(value) is not None


def _number(argument: object, operator: str) -> float:
    if type_of(argument) != "number" or not isinstance(argument, int | float):
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


def _numeric(argument: object) -> Filter:
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
        if type_of(value) != "number" or not isinstance(value, int | float):
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


def _cidr(argument: object) -> Filter:
    try:
        network = ipaddress.ip_network(_text(argument, "cidr"), strict=False)
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


def _anything_but(argument: object) -> Filter:
    if isinstance(argument, dict):
        operator, inner = _only(argument, "Anything-But")
        if operator not in ("prefix", "suffix", "wildcard", "equals-ignore-case"):
            raise InvalidPattern(f"Unsupported anything-but pattern: {operator}")
        refused = [
            filter_of(operator, _non_empty(item, operator)) for item in _listed(inner, operator)
        ]
    else:
        wanted = _listed(argument, "anything-but")
        kinds = {type_of(item) for item in wanted}
        if kinds - {"str", "number"}:
            raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
        if len(kinds) != 1:
            raise InvalidPattern(
                "Inside anything but list, either all values are number or string, "
                "mixed type is not supported"
            )
        refused = [exact(item) for item in wanted]
    return lambda value: not any(one(value) for one in refused)


def _listed(argument: object, what: str) -> list[Any]:
    listed = argument if isinstance(argument, list) else [argument]
    if not listed:
        raise InvalidPattern(f"Empty arrays are not allowed in {what}")
    return listed


def _non_empty(item: object, operator: str) -> str:
    text = _text(item, operator)
    if not text and operator in ("prefix", "suffix"):
        raise InvalidPattern("Null prefix/suffix not allowed")
    return text


_OPERATORS: Mapping[str, Callable[[object], Filter]] = {
    "prefix": _end("prefix", str.startswith),
    "suffix": _end("suffix", str.endswith),
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
RESERVED = frozenset({*_OPERATORS, "exists", "exactly"})
"""Words that make an object in an array a filter, not a branch of `$or`."""

"""Choice rules: choose the next state.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from localcloud.stepfunctions.language import values
from localcloud.stepfunctions.language.errors import RUNTIME, StatesError
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.jsonpath import paths
from localcloud.stepfunctions.language.state_machine import (
    AndRule,
    ChoiceRule,
    ChoiceState,
    ComparisonRule,
    OrRule,
    RuleTest,
)
from localcloud.stepfunctions.language.values import Environment, Json

_Order: TypeAlias = Callable[[Any, Any], bool]

_ORDERS: Final[dict[str, _Order]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_KINDS: Final = ("String", "Numeric", "Timestamp")
COMPARISONS: Final = {
    **{f"{kind}{name}": (kind, order) for kind in _KINDS for name, order in _ORDERS.items()},
    "BooleanEquals": ("Boolean", operator.eq),
}
"""The operators that compare two values, without their `Path` variants."""

IS_TESTS: Final[dict[str, Callable[[Json], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsNumeric": lambda value: _number(value) is not None,
    "IsString": lambda value: isinstance(value, str),
    "IsTimestamp": lambda value: _timestamp(value) is not None,
}
IS_PRESENT: Final = "IsPresent"
STRING_MATCHES: Final = "StringMatches"
OPERATORS: Final = frozenset(
    {*COMPARISONS, *(f"{name}Path" for name in COMPARISONS), *IS_TESTS, IS_PRESENT, STRING_MATCHES}
)
"""Every operator of a JSONPath choice rule."""


def choose(state: ChoiceState, value: Json, environment: Environment) -> ChoiceRule | None:
    """Return the first rule that holds for the effective input `value`; None means `Default`.

    Raises `StatesError`: `States.Runtime` if a compared path does not exist, or if no rule
    holds and there is no default (AWS documents `States.NoChoiceMatched` for that, but reports
    this); `States.QueryEvaluationError` if a JSONata condition is not a boolean.
    """
    for index, rule in enumerate(state.choices):
        if rule.test is None:
            if _condition(rule, f"Choices[{index}]/Condition", value, environment):
                return rule
        elif holds(rule.test, value, environment):
            return rule
    if state.default is None:
        raise StatesError(
            RUNTIME,
            "Failed to transition out of the state. The state does not point to a next state.",
        )
    return None


def _condition(rule: ChoiceRule, where: str, value: Json, environment: Environment) -> bool:
    bindings = templates.Bindings(
        input=value, context=environment.context, variables=environment.variables
    )
    result = templates.evaluate(rule.condition, bindings, where)
    if not isinstance(result, bool):
        source = str(rule.condition)
        if templates.is_expression(source):
            source = templates.source_of(source)
        raise templates.unexpected_type(source, where, "boolean", result)
    return result


def holds(test: RuleTest, value: Json, environment: Environment) -> bool:
    """Return whether a JSONPath test holds for `value`."""
    if isinstance(test, AndRule):
        return all(holds(part, value, environment) for part in test.parts)
    if isinstance(test, OrRule):
        return any(holds(part, value, environment) for part in test.parts)
    if isinstance(test, ComparisonRule):
        return _compare(test, value, environment)
    return not holds(test.part, value, environment)


def _compare(test: ComparisonRule, value: Json, environment: Environment) -> bool:
    if test.operator == IS_PRESENT:
        return _is_present(test.variable, value, environment) is test.expected
    actual = _read_path(test.variable, value, environment)
    if test.operator in IS_TESTS:
        return IS_TESTS[test.operator](actual) is test.expected
    if test.operator == STRING_MATCHES:
        return isinstance(actual, str) and bool(_wildcard(str(test.expected)).fullmatch(actual))
    if test.operator in COMPARISONS:
        return _in_order(test.operator, actual, test.expected)
    expected = _read_path(str(test.expected), value, environment)
    return _in_order(test.operator.removesuffix("Path"), actual, expected)


def _is_present(path: str, value: Json, environment: Environment) -> bool:
    try:
        paths.read(path, value, environment)
    except paths.PathMissing:
        return False
    return True


def _read_path(path: str, value: Json, environment: Environment) -> Json:
    try:
        return paths.read(path, value, environment)
    except paths.PathMissing as problem:
        raise StatesError(
            RUNTIME,
            f"Invalid path '{path}': The choice state's condition path references an invalid "
            "value.",
        ) from problem


def _in_order(name: str, actual: Json, expected: Json) -> bool:
    kind, order = COMPARISONS[name]
    convert = _CONVERTERS[kind]
    left, right = convert(actual), convert(expected)
    return left is not None and right is not None and order(left, right)


def _string(value: Json) -> bytes | None:
    """Return a string in a form that sorts as Java sorts: by UTF-16 code unit."""
    return value.encode("utf-16-be", "surrogatepass") if isinstance(value, str) else None


def _number(value: Json) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _timestamp(value: Json) -> datetime | None:
    return values.parse_timestamp(value) if isinstance(value, str) else None


def _boolean(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


_CONVERTERS: Final[dict[str, Callable[[Json], object]]] = {
    "String": _string,
    "Numeric": _number,
    "Timestamp": _timestamp,
    "Boolean": _boolean,
}


@lru_cache(maxsize=512)
def _wildcard(pattern: str) -> re.Pattern[str]:
    r"""`*` stands for any characters, `\*` for itself and `\\` for a backslash."""
    pieces = re.findall(r"\\[\\*]|.", pattern, re.DOTALL)
    return re.compile(
        "".join(".*" if piece == "*" else re.escape(piece[-1]) for piece in pieces), re.DOTALL
    )

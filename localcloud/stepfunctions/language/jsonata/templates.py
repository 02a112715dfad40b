"""Evaluate JSONata templates: `{% … %}` strings anywhere in JSON.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

from localcloud.stepfunctions.language.errors import QUERY_EVALUATION_ERROR, StatesError
from localcloud.stepfunctions.language.jsonata.functions import (
    FUNCTIONS,
    EvaluationError,
    LibraryValue,
    to_library_value,
)
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, Template, dumps

MAX_EVALUATION_SECONDS: Final[float] = 5
MAX_NESTING: Final = 100
_OPEN: Final = "{%"
_CLOSE: Final = "%}"


@dataclass(frozen=True, slots=True)
class Bindings:
    """The values that an expression may read: `$states` and the workflow variables.

    An absent member is not bound, so that reading it is undefined.
    """

    input: Template = ABSENT
    context: JsonObject = field(default_factory=dict)
    result: Template = ABSENT
    error_output: Template = ABSENT
    variables: Mapping[str, Json] = field(default_factory=dict)


def is_expression(value: Json) -> bool:
    """Return whether `value` is a string of the form `{% … %}`."""
    return (
        isinstance(value, str)
        and len(value) >= len(_OPEN) + len(_CLOSE)
        and value.startswith(_OPEN)
        and value.endswith(_CLOSE)
    )


def source_of(expression: str) -> str:
    """Return the expression between `{%` and `%}`, stripped."""
    return expression[len(_OPEN) : -len(_CLOSE)].strip()


def evaluate(template: Json, bindings: Bindings, where: str) -> Json:
    """Return `template` with each expression in it replaced by its value, as plain JSON.

    `where` names the field in the cause, for example `Arguments` or `Choices[0]/Condition`.
    Raises `StatesError` (`States.QueryEvaluationError`) for an error, an undefined value, a
    value that is not JSON, or an evaluation that takes too long.
    """
    return _fill(template, _LazyBindings(bindings), where)


def unexpected_type(source: str, where: str, expected: str, value: Json) -> StatesError:
    """Return the error for an expression whose value has the wrong type."""
    return StatesError(
        QUERY_EVALUATION_ERROR,
        f"The JSONata expression '{source}' specified for the field '{where}' returned an "
        f"unexpected result type. Expected '{expected}', but was '{type_of(value)}' for value: "
        f"{dumps(value)}",
        where,
    )


def type_of(value: Json) -> str:
    """Return the JSONata name of the type of `value`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "number"


class _LazyBindings:
    """The bindings as the library's values, converted for the first expression."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._foreign: dict[str, LibraryValue] | None = None

    def foreign(self) -> dict[str, LibraryValue]:
        if self._foreign is None:
            bindings = self._bindings
            members: dict[str, Template] = {
                "input": bindings.input,
                "result": bindings.result,
                "errorOutput": bindings.error_output,
                "context": bindings.context,
            }
            present = {
                name: to_library_value(value)
                for name, value in members.items()
                if value is not ABSENT
            }
            variables = {
                name: to_library_value(value) for name, value in bindings.variables.items()
            }
            self._foreign = {**variables, "states": present}
        return self._foreign


def _fill(template: Json, names: _LazyBindings, where: str) -> Json:
    if isinstance(template, list):
        return [_fill(part, names, f"{where}[{at}]") for at, part in enumerate(template)]
    if isinstance(template, dict):
        return {key: _fill(part, names, f"{where}/{key}") for key, part in template.items()}
    if isinstance(template, str) and is_expression(template):
        return _value(source_of(template), names, where)
    return template


def _value(source: str, names: _LazyBindings, where: str) -> Json:
    subject = f"The JSONata expression '{source}' specified for the field '{where}'"
    found, problem = _attempt(source, names)
    if isinstance(problem, _UnsupportedResult):
        cause = f"{subject} returned an unsupported result type."
        raise StatesError(QUERY_EVALUATION_ERROR, cause, where)
    if problem is not None:
        raise StatesError(
            QUERY_EVALUATION_ERROR,
            f"{subject} threw an error during evaluation{_error_detail(problem)}",
            where,
        ) from problem
    if found is ABSENT:
        cause = f"{subject} returned nothing (undefined)."
        raise StatesError(QUERY_EVALUATION_ERROR, cause, where)
    return found


def _attempt(source: str, names: _LazyBindings) -> tuple[Template, Exception | None]:
    try:
        found = _run(source, names.foreign())
        return (ABSENT if found is None else _plain(found)), None
    except Exception as problem:  # noqa: BLE001 - the library lets plain errors out, AWS none
        return ABSENT, problem


class _UnsupportedResult(Exception):  # noqa: N818 - it is a result, not always an error
    """A value that JSON cannot hold: a function."""


class _Interpreter(Jsonata):  # type: ignore[misc]
    """The library's interpreter, without printing."""

    def apply_inner(
        self,
        proc: LibraryValue,
        args: LibraryValue,
        input: LibraryValue,  # noqa: A002 - the library's name
        environment: LibraryValue,
    ) -> LibraryValue:
        if proc is None or proc is Utils.NULL_VALUE:
            raise JException("T1006", 0)
        return cast(LibraryValue, super().apply_inner(proc, args, input, environment))


def _run(source: str, names: dict[str, LibraryValue]) -> LibraryValue:
    interpreter = _Interpreter(
        source, timeout=round(MAX_EVALUATION_SECONDS * 1000), stack=MAX_NESTING
    )
    interpreter.set_output_convert_nulls(False)
    for name, function in FUNCTIONS.items():
        interpreter.register_lambda(name, function)
    return cast(LibraryValue, interpreter.evaluate(None, dict(names)))


def _plain(value: LibraryValue) -> Json:
    """Return a library value as JSON; numbers are written as JavaScript would."""
    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items() if part is not None}
    raise _UnsupportedResult


def _number(value: float) -> Json:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def describe(problem: JException) -> str:
    """Return the message of an error in AWS's words, without its code.

    The library writes "Object" for "function", and leaves its arguments unquoted.
    """
    template = JException.error_codes.get(problem.error)
    if template is None:
        return str(problem)
    arguments = iter((problem.current, problem.expected, problem.extra))
    if template == "{{{message}}}":
        return str(problem.current)
    return re.sub(
        r"\{\{\w+\}\}",
        lambda _: json.dumps(_printable(next(arguments)), ensure_ascii=False),
        template.replace("Object", "function"),
    )


def _printable(value: LibraryValue) -> LibraryValue:
    try:
        return _plain(value)
    except _UnsupportedResult:
        return "function"


def _error_detail(problem: Exception) -> str:
    if isinstance(problem, EvaluationError):
        return f". {problem}"
    is_too_deep = isinstance(problem, RecursionError)
    if isinstance(problem, JException):
        if problem.error not in JException.error_codes:
            return f": {problem.error}"
        is_too_deep = problem.error == "D1011"
        if not is_too_deep:
            return f". {problem.error}: {describe(problem)}"
    if is_too_deep:
        return (
            ": Stack overflow error: Check for non-terminating recursive function. "
            "Consider rewriting as tail-recursive"
        )
    return f": {problem}"

"""The numbers of states: written, by a path, or by a JSONata expression.

A path may lead to a number or to its text. What it leads to is checked when the state runs, and
a wrong value ends the state with States.Runtime.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
"""

from __future__ import annotations

import re
from typing import Final

from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import Number
from localcloud.stepfunctions.language.values import Json, dumps

_INTEGER: Final = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def evaluate_integer(
    visit: StateVisit, written: Number | None, path: str | None, field: str
) -> int | None:
    """Return the integer of `field` or of its `…Path`, or None if neither is written.

    Raises `StatesError`: `States.Runtime` for another value by path, and
    `States.QueryEvaluationError` for one of a JSONata expression.
    """
    if path is not None:
        value = read_path(visit, path, field)
        number = parse_integer(value)
        if number is None:
            raise _not_valid(field, path, value, "integer")
        return number
    found = _evaluate(visit, written, field)
    if isinstance(found, float) and not found.is_integer():
        raise _unexpected(str(written), field, "integer", found)
    return None if found is None else int(found)


def evaluate_number(
    visit: StateVisit, written: Number | None, path: str | None, field: str
) -> float | None:
    """Return the number of `field` or of its `…Path`; errors are those of an integer."""
    if path is None:
        return _evaluate(visit, written, field)
    value = read_path(visit, path, field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _FLOAT.fullmatch(value):
        return float(value)
    raise _not_valid(field, path, value, "float")


def evaluate_positive(
    visit: StateVisit, written: Number | None, path: str | None, field: str
) -> int | None:
    """Return an integer above 0 of `field` or of its `…Path`, or None."""
    number = evaluate_integer(visit, written, path, field)
    if number is not None and number <= 0:
        raise out_of_range(path, field, f"{field} must be positive, got '{number}' instead.")
    return number


def read_path(visit: StateVisit, path: str, field: str) -> Json:
    """Return what the `…Path` of `field` leads to in the effective input."""
    return payload_templates.select(
        path, visit.effective_input(), visit.environment(), f"{field}Path"
    )


def parse_integer(value: Json) -> int | None:
    """Return an integer, or that of its decimal text; None for any other value."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return None


def out_of_range(path: str | None, field: str, cause: str) -> StatesError:
    """Return the error for a number of a path, or of an expression, that is out of range."""
    if path is None:
        return StatesError(errors.QUERY_EVALUATION_ERROR, cause, field)
    return StatesError(errors.RUNTIME, cause)


def _evaluate(visit: StateVisit, written: Number | None, field: str) -> int | float | None:
    if not isinstance(written, str):
        return written
    value = visit.evaluate(written, field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unexpected(written, field, "number", value)
    return value


def _unexpected(written: str, field: str, expected: str, value: Json) -> StatesError:
    return templates.unexpected_type(templates.source_of(written), field, expected, value)


def _not_valid(field: str, path: str, value: Json, kind: str) -> StatesError:
    shown = value if isinstance(value, str) else dumps(value)
    return StatesError(
        errors.RUNTIME,
        f'The {field}Path field refers to value "{shown}" which is not a valid {kind}: {path}',
    )

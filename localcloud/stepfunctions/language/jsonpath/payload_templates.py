"""Input and output processing of JSONPath states.

InputPath → Parameters → (work) → ResultSelector → ResultPath → OutputPath.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
"""

from __future__ import annotations

from typing import Final

from localcloud.stepfunctions.language.errors import (
    REFERENCE_PATH_CONFLICT,
    RUNTIME,
    StatesError,
)
from localcloud.stepfunctions.language.jsonpath import intrinsics, paths
from localcloud.stepfunctions.language.values import ABSENT, Environment, Json, Template, dumps

_SUFFIX: Final = ".$"
_SEARCHED: Final = frozenset({"CausePath", "ErrorPath"})
"""The fields whose missing path AWS reports as it does one of a payload template."""


def select(path: str | None, value: Json, environment: Environment, field: str) -> Json:
    """Apply InputPath, OutputPath, ItemsPath, SecondsPath…; None gives `{}`.

    `field` names the path's field. Raises `StatesError`: `States.ReferencePathConflict` for a
    missing ItemsPath, `States.Runtime` for any other.
    """
    if path is None:
        return {}
    try:
        return paths.read(path, value, environment)
    except paths.PathMissing as problem:
        if field == "ItemsPath":
            step = path.rpartition(".")[2]
            raise StatesError(
                REFERENCE_PATH_CONFLICT, f'Unable to apply step "{step}" to input {dumps(value)}'
            ) from problem
        if field in _SEARCHED:
            raise _not_found(path, field, value, environment) from problem
        raise StatesError(RUNTIME, f"Invalid path '{path}' : {problem}") from problem
    except paths.PathSyntaxError as problem:
        raise StatesError(RUNTIME, f"Invalid path '{path}' : {problem}") from problem


def fill(template: Template, value: Json, environment: Environment) -> Json:
    """Fill a payload template (Parameters, ResultSelector, ItemSelector…) from `value`.

    An absent template gives `value`. A key that ends in `.$` is a path or an intrinsic.
    Raises `StatesError` with `States.Runtime` for an intrinsic that fails or a path that leads to
    nothing (AWS documents other names, but this is what it reports).
    """
    if template is ABSENT:
        return value
    return _fill(template, value, environment)


def _fill(template: Json, value: Json, environment: Environment) -> Json:
    if isinstance(template, list):
        return [_fill(part, value, environment) for part in template]
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(_SUFFIX): _fill_dynamic(name, part, value, environment)
        if name.endswith(_SUFFIX)
        else _fill(part, value, environment)
        for name, part in template.items()
    }


def _fill_dynamic(name: str, expression: Json, value: Json, environment: Environment) -> Json:
    if not isinstance(expression, str):
        raise StatesError(
            RUNTIME,
            f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic "
            "function call",
        )
    if intrinsics.is_call(expression):
        return intrinsics.evaluate(expression, value, environment)
    try:
        return paths.read(expression, value, environment)
    except paths.PathMissing as problem:
        raise _not_found(expression, name, value, environment) from problem
    except paths.PathSyntaxError as problem:
        raise StatesError(RUNTIME, f"Invalid path '{expression}' : {problem}") from problem


def _not_found(path: str, field: str, value: Json, environment: Environment) -> StatesError:
    searched = environment.context if path.startswith("$$") else value
    return StatesError(
        RUNTIME,
        f"The JSONPath '{path}' specified for the field '{field}' could not be found "
        f"in the input '{dumps(searched)}'",
    )


def merge(result_path: str | None, raw_input: Json, result: Json) -> Json:
    """Apply ResultPath: None discards `result`, `$` replaces the input, else it is inserted.

    Raises `StatesError`: `States.ReferencePathConflict` (AWS documents
    `States.ResultPathMatchFailure`, but this is what it reports).
    """
    if result_path is None:
        return raw_input
    return paths.insert(result_path, raw_input, result)

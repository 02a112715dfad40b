"""Check paths, payload templates and JSONata expressions in a definition."""

from __future__ import annotations

from localcloud.stepfunctions.language import variables
from localcloud.stepfunctions.language.jsonata import expression_checks, templates
from localcloud.stepfunctions.language.jsonata.expression_checks import (
    INPUT_ONLY,
    WITH_ERROR,
    WITH_RESULT,
    Reserved,
)
from localcloud.stepfunctions.language.jsonpath import intrinsics, paths
from localcloud.stepfunctions.language.validation.diagnostics import (
    NO_DOLLAR,
    NO_PATH,
    PASS_RESULT_IS_STATIC,
    ValidationContext,
)
from localcloud.stepfunctions.language.values import Json


def check_path(context: ValidationContext, value: Json, *, nullable: bool = False) -> None:
    """Check a path, as InputPath and OutputPath have."""
    if value is None and nullable:
        return
    text = context.expect_string(value)
    if text is not None and not paths.is_path(text):
        context.error("Value is not a valid JSONPath")


def check_reference_path(
    context: ValidationContext, value: Json, *, nullable: bool = False
) -> None:
    """Check a reference path, which selects one node."""
    if value is None and nullable:
        return
    text = context.expect_string(value)
    if text is None:
        return
    try:
        paths.check_path(text, reference=True)
    except paths.PathSyntaxError:
        context.error("Value is not a Reference Path")


def check_result_path(context: ValidationContext, value: Json) -> None:
    """Check ResultPath, which may be null, and must lead into the state's input."""
    check_reference_path(context, value, nullable=True)
    if isinstance(value, str) and value[1:2] not in {"", ".", "["}:
        context.error("ResultPath cannot lead into the context object or a variable")


def check_path_or_intrinsic(context: ValidationContext, value: Json) -> None:
    """Check ErrorPath or CausePath, which may be a call of an intrinsic function."""
    if isinstance(value, str) and intrinsics.is_call(value):
        _check_call(context, "ErrorPath", value)
        return
    check_reference_path(context, value)


def check_template(context: ValidationContext, value: Json, field: str) -> None:
    """Check Parameters, Arguments, Output, Assign and the like in the language of `context`."""
    if context.uses_jsonata:
        check_jsonata(context, value, _members(context, field))
    else:
        _check_payload(context, value)


def _members(context: ValidationContext, field: str) -> Reserved:
    """Return the members of `$states` that a field of a state may read."""
    has_result = context.state_type in {"Task", "Parallel", "Map"}
    if has_result and field in {"Output", "Assign"}:
        return (
            WITH_ERROR if "/Catch[" in context.location.rpartition("/States/")[2] else WITH_RESULT
        )
    return INPUT_ONLY


def check_jsonata(context: ValidationContext, value: Json, members: Reserved = INPUT_ONLY) -> None:
    """Check every expression in a JSONata template."""
    if isinstance(value, list):
        for index, part in enumerate(value):
            check_jsonata(context.at(f"[{index}]"), part, members)
    elif isinstance(value, dict):
        for name, part in value.items():
            check_jsonata(context.at(f"/{name}"), part, members)
    elif isinstance(value, str) and templates.is_expression(value):
        for code, message in expression_checks.problems(templates.source_of(value), members):
            context.error(message, code)


def _check_payload(context: ValidationContext, value: Json) -> None:
    if isinstance(value, list):
        for index, part in enumerate(value):
            _check_payload(context.at(f"[{index}]"), part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name.endswith(".$"):
                _check_dynamic(context, name, part)
            elif isinstance(part, str):
                _warn_of_static(context.at(f"/{name}"), name, part)
            else:
                _check_payload(context.at(f"/{name}"), part)


def _check_dynamic(context: ValidationContext, name: str, value: Json) -> None:
    if isinstance(value, str):
        if intrinsics.is_call(value):
            _check_call(context, name, value)
            return
        if paths.is_path(value):
            return
    context.error(
        f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic "
        "function call"
    )


def _check_call(context: ValidationContext, name: str, value: str) -> None:
    try:
        intrinsics.check(value)
    except intrinsics.IntrinsicSyntaxError as problem:
        context.error(
            f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic "
            f"function call ({problem})"
        )


def _looks_dynamic(value: str) -> bool:
    return value.startswith(("$.", "$$.", "States."))


def _warn_of_static(context: ValidationContext, name: str, value: str) -> None:
    if _looks_dynamic(value):
        context.warn(
            NO_DOLLAR,
            f"The field '{name}' appears to hold a JSONPath or an intrinsic function, but its "
            "name does not end with '.$'",
        )


def check_text(context: ValidationContext, value: Json, field: str) -> None:
    """Check Error, Cause or Timestamp: a string, which in JSONata may be an expression."""
    text = context.expect_string(value)
    if text is None:
        return
    if context.uses_jsonata:
        check_jsonata(context, text)
    elif _looks_dynamic(text):
        context.warn(
            NO_PATH, f"The value looks like a path, but '{field}' does not end with 'Path'"
        )


def check_number(
    context: ValidationContext,
    value: Json,
    minimum: float,
    maximum: float | None = None,
    *,
    whole: bool = True,
) -> None:
    """Check a number, whole or not, which in JSONata may be an expression."""
    if context.uses_jsonata and templates.is_expression(value):
        check_jsonata(context, value)
    else:
        context.expect_number(value, minimum, maximum, whole=whole)


def check_static_result(context: ValidationContext, value: Json) -> None:
    """Warn of the Result of a Pass that seems to contain paths, which are not evaluated."""
    members = value.items() if isinstance(value, dict) else []
    if any(name.endswith(".$") for name, _ in members) or (
        isinstance(value, str) and _looks_dynamic(value)
    ):
        context.warn(PASS_RESULT_IS_STATIC, "The Result of a Pass state is static: no path is read")


def check_assign(context: ValidationContext, value: Json) -> None:
    """Check Assign: an object whose keys are names of variables."""
    assigned = context.expect_object(value)
    if assigned is None:
        return
    for key in assigned:
        name = key if context.uses_jsonata else key.removesuffix(".$")
        if not variables.is_valid_name(name):
            context.error(f"'{name}' is not a valid variable name")
    check_template(context, assigned, "Assign")

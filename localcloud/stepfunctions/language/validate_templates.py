"""Checks of paths, payload templates and JSONata expressions in a definition."""

from __future__ import annotations

from localcloud.stepfunctions.language import (
    intrinsics,
    jsonata,
    jsonata_checks,
    jsonpath,
    variables,
)
from localcloud.stepfunctions.language.findings import (
    NO_DOLLAR,
    NO_PATH,
    PASS_RESULT_IS_STATIC,
    Place,
)
from localcloud.stepfunctions.language.jsonata_checks import (
    INPUT_ONLY,
    WITH_ERROR,
    WITH_RESULT,
    Reserved,
)
from localcloud.stepfunctions.language.values import Json


def check_path(place: Place, value: Json, *, nullable: bool = False) -> None:
    """Check a full path, as InputPath and OutputPath take one."""
    if value is None and nullable:
        return
    text = place.expect_string(value)
    if text is not None and not jsonpath.is_path(text):
        place.error("Value is not a valid JSONPath")


def check_reference_path(place: Place, value: Json, *, nullable: bool = False) -> None:
    """Check a reference path, which selects one node."""
    if value is None and nullable:
        return
    text = place.expect_string(value)
    if text is None:
        return
    try:
        jsonpath.check_path(text, reference=True)
    except jsonpath.PathSyntaxError:
        place.error("Value is not a Reference Path")


def check_result_path(place: Place, value: Json) -> None:
    """Check ResultPath, which may be null, and leads into the state's input and nowhere else."""
    check_reference_path(place, value, nullable=True)
    if isinstance(value, str) and value[1:2] not in {"", ".", "["}:
        place.error("ResultPath cannot lead into the context object or a variable")


def check_path_or_intrinsic(place: Place, value: Json) -> None:
    """Check ErrorPath or CausePath, which may be a call of an intrinsic function."""
    if isinstance(value, str) and intrinsics.is_call(value):
        _check_call(place, "ErrorPath", value)
        return
    check_reference_path(place, value)


def check_template(place: Place, value: Json, field: str) -> None:
    """Check Parameters, Arguments, Output, Assign and the like in the language of `place`."""
    if place.uses_jsonata:
        check_jsonata(place, value, _members(place, field))
    else:
        _check_payload(place, value)


def _members(place: Place, field: str) -> Reserved:
    """Return what `$states` has in a field of a state."""
    has_result = place.state_type in {"Task", "Parallel", "Map"}
    if has_result and field in {"Output", "Assign"}:
        return WITH_ERROR if "/Catch[" in place.location.rpartition("/States/")[2] else WITH_RESULT
    return INPUT_ONLY


def check_jsonata(place: Place, value: Json, members: Reserved = INPUT_ONLY) -> None:
    """Check every expression in a JSONata template."""
    if isinstance(value, list):
        for index, part in enumerate(value):
            check_jsonata(place.at(f"[{index}]"), part, members)
    elif isinstance(value, dict):
        for name, part in value.items():
            check_jsonata(place.at(f"/{name}"), part, members)
    elif isinstance(value, str) and jsonata.is_expression(value):
        for code, message in jsonata_checks.problems(jsonata.source_of(value), members):
            place.error(message, code)


def _check_payload(place: Place, value: Json) -> None:
    if isinstance(value, list):
        for index, part in enumerate(value):
            _check_payload(place.at(f"[{index}]"), part)
    elif isinstance(value, dict):
        for name, part in value.items():
            if name.endswith(".$"):
                _check_dynamic(place, name, part)
            elif isinstance(part, str):
                _warn_of_static(place.at(f"/{name}"), name, part)
            else:
                _check_payload(place.at(f"/{name}"), part)


def _check_dynamic(place: Place, name: str, value: Json) -> None:
    if isinstance(value, str):
        if intrinsics.is_call(value):
            _check_call(place, name, value)
            return
        if jsonpath.is_path(value):
            return
    place.error(
        f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic "
        "function call"
    )


def _check_call(place: Place, name: str, value: str) -> None:
    try:
        intrinsics.check(value)
    except intrinsics.IntrinsicSyntaxError as problem:
        place.error(
            f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic "
            f"function call ({problem})"
        )


def _looks_dynamic(value: str) -> bool:
    return value.startswith(("$.", "$$.", "States."))


def _warn_of_static(place: Place, name: str, value: str) -> None:
    if _looks_dynamic(value):
        place.warn(
            NO_DOLLAR,
            f"The field '{name}' appears to hold a JSONPath or an intrinsic function, but its "
            "name does not end with '.$'",
        )


def check_text(place: Place, value: Json, field: str) -> None:
    """Check Error, Cause or Timestamp: a string, which in JSONata may be an expression."""
    text = place.expect_string(value)
    if text is None:
        return
    if place.uses_jsonata:
        check_jsonata(place, text)
    elif _looks_dynamic(text):
        place.warn(NO_PATH, f"The value looks like a path, but '{field}' does not end with 'Path'")


def check_number(place: Place, value: Json, least: float, most: float | None = None) -> None:
    """Check a whole number, which in JSONata may be an expression."""
    if place.uses_jsonata and jsonata.is_expression(value):
        check_jsonata(place, value)
    else:
        place.expect_number(value, least, most)


def check_static_result(place: Place, value: Json) -> None:
    """Warn of the Result of a Pass that seems to hope that paths in it are read."""
    members = value.items() if isinstance(value, dict) else []
    if any(name.endswith(".$") for name, _ in members) or (
        isinstance(value, str) and _looks_dynamic(value)
    ):
        place.warn(PASS_RESULT_IS_STATIC, "The Result of a Pass state is static: no path is read")


def check_assign(place: Place, value: Json) -> None:
    """Check Assign: an object whose keys are names of variables."""
    assigned = place.expect_object(value)
    if assigned is None:
        return
    for key in assigned:
        name = key if place.uses_jsonata else key.removesuffix(".$")
        if not variables.is_valid_name(name):
            place.error(f"'{name}' is not a valid variable name")
    check_template(place, assigned, "Assign")

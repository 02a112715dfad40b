"""Values of variables, held to their types. What a document says is untrusted from here on."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import JsonValue

from chalicelib.contracts.prompts import (
    MAX_INTEGER,
    BooleanVariable,
    DocumentVariable,
    EnumVariable,
    IntegerVariable,
    NumberVariable,
    StringsVariable,
    StringVariable,
    Variable,
)
from chalicelib.errors import InvalidInput
from chalicelib.prompting.fencing import Untrusted, Value


def checked_values(
    declared: Mapping[str, Variable], given: Mapping[str, JsonValue], field: str
) -> dict[str, Value]:
    """Return the values that a template sees: those given, and defaults for others.

    One that is neither given nor required is left out: the template asks whether it `is defined`.

    Raises:
        InvalidInput: one is unknown, missing, or not of its type; the variable and what is wanted
            are named.
    """
    for name in given:
        if name not in declared:
            listed = ", ".join(sorted(declared)) or "none"
            raise InvalidInput(
                f"There is no variable {name!r}; there are {listed}.", field=f"{field}.{name}"
            )
    values: dict[str, Value] = {}
    for name, variable in declared.items():
        value = given.get(name)
        if value is None and not isinstance(variable, DocumentVariable):
            value = _default(variable)
        if value is not None:
            values[name] = checked(name, variable, value, field)
        elif variable.required:
            raise InvalidInput(
                f"The variable {name} is not given; it takes {wanted(variable)}.",
                field=f"{field}.{name}",
            )
    return values


def checked(name: str, variable: Variable, value: JsonValue, field: str) -> Value:
    """Return the value as a template sees it. Raises `InvalidInput` where it is of another type."""
    made = _of_type(name, variable, value)
    if made is None:
        raise InvalidInput(
            f"The variable {name} takes {wanted(variable)}, not {_seen(value)}.",
            field=f"{field}.{name}",
            limit=_limit(variable),
        )
    return made


def check_default(name: str, variable: Variable) -> None:
    """See that the default is of the variable's own type, and its bounds are the right way round.

    Raises `InvalidInput`.
    """
    field = f"variables.{name}"
    if isinstance(variable, (IntegerVariable, NumberVariable)):
        least, most = variable.minimum, variable.maximum
        if least is not None and most is not None and least > most:
            raise InvalidInput(f"The minimum of {name} is above its maximum.", field=field)
    if isinstance(variable, DocumentVariable):
        return
    default = _default(variable)
    if default is not None:
        checked(name, variable, default, "variables")


def wanted(variable: Variable) -> str:
    """Return in words what a variable takes."""
    match variable:
        case StringVariable():
            return f"a text of up to {variable.max_length} characters"
        case IntegerVariable():
            return f"a whole number from {variable.minimum} to {variable.maximum}"
        case NumberVariable():
            least = "" if variable.minimum is None else f" from {variable.minimum:g}"
            most = "" if variable.maximum is None else f" up to {variable.maximum:g}"
            return f"a number{least}{most}"
        case BooleanVariable():
            return "true or false"
        case EnumVariable():
            return f"one of {', '.join(variable.values)}"
        case StringsVariable():
            return (
                f"a list of up to {variable.max_items} texts of up to {variable.max_length} "
                "characters"
            )
        case DocumentVariable():
            return f"a document's text of up to {variable.max_length} characters"


def _default(variable: Variable) -> JsonValue:
    if isinstance(variable, DocumentVariable):
        return None
    default = variable.default
    return list(default) if isinstance(default, tuple) else default


def _of_type(name: str, variable: Variable, value: JsonValue) -> Value | None:
    """Return the value, or None where it is not of the variable's type."""
    match variable, value:
        case (DocumentVariable(), str()) if len(value) <= variable.max_length:
            return Untrusted(name, value)
        case (StringVariable(), str()) if len(value) <= variable.max_length:
            return value
        case (BooleanVariable(), bool()):
            return value
        case (EnumVariable(), str()) if value in variable.values:
            return value
        case ((IntegerVariable() | NumberVariable()), bool()):
            return None
        case (IntegerVariable(), int()) if variable.minimum <= value <= variable.maximum:
            return value
        case (NumberVariable(), (int() | float())) if _within(variable, value):
            return value
        case (StringsVariable(), list()) if len(value) <= variable.max_items:
            texts = [each for each in value if isinstance(each, str)]
            fits = all(len(text) <= variable.max_length for text in texts)
            return texts if fits and len(texts) == len(value) else None
    return None


def _within(variable: NumberVariable, value: float) -> bool:
    least = -math.inf if variable.minimum is None else variable.minimum
    most = math.inf if variable.maximum is None else variable.maximum
    return abs(value) <= _LARGEST and least <= value <= most


_LARGEST = 1.7e308
"""A whole number of JSON may be larger than any float."""


def _seen(value: JsonValue) -> str:
    match value:
        case bool():
            return "true or false"
        case str():
            return f"a text of {len(value)} characters"
        case int() | float():
            return f"{value}" if abs(value) <= MAX_INTEGER else "this number"
        case list():
            return f"a list of {len(value)}"
    return "an object"


def _limit(variable: Variable) -> str | None:
    match variable:
        case StringVariable() | DocumentVariable() | StringsVariable():
            return str(variable.max_length)
        case IntegerVariable() | NumberVariable():
            return None if variable.maximum is None else str(variable.maximum)
    return None

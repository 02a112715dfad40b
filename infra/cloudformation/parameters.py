"""The values of a template's parameters, checked against their types and constraints.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.cloudformation.errors import TemplateError

Json = Any

_MEMBERS = frozenset(
    {
        "AllowedPattern",
        "AllowedValues",
        "ConstraintDescription",
        "Default",
        "Description",
        "MaxLength",
        "MaxValue",
        "MinLength",
        "MinValue",
        "NoEcho",
        "Type",
    }
)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


_PARSERS: Mapping[str, Callable[[str], Json]] = {
    "String": str,
    "Number": _number,
    "CommaDelimitedList": _items,
    "List<Number>": lambda text: [_number(item) for item in _items(text)],
}


def parameter_values(
    declared: Mapping[str, Mapping[str, Json]], values: Mapping[str, str]
) -> dict[str, Json]:
    """Return the value that `Ref` gives for each declared parameter: text, a number or a list.

    Args:
        declared: The `Parameters` section of a template.
        values: Parameter values by name; defaults fill in the rest.

    Raises:
        TemplateError: A value is missing, not declared, or not allowed.
    """
    undeclared = sorted(set(values) - set(declared))
    if undeclared:
        raise TemplateError(f"Parameters: [{', '.join(undeclared)}] do not exist in the template.")
    missing = sorted(n for n in declared if n not in values and "Default" not in declared[n])
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values.")
    return {
        name: _value(name, parameter, str(values.get(name, parameter.get("Default"))))
        for name, parameter in declared.items()
    }


def _value(name: str, parameter: Mapping[str, Json], text: str) -> Json:
    unknown = sorted(set(parameter) - _MEMBERS)
    if unknown:
        raise TemplateError(f"Parameter {name} has unknown members: {', '.join(unknown)}.")
    parse = _PARSERS.get(parameter.get("Type", ""))
    if parse is None:
        raise TemplateError(
            f"Parameter {name} has the type {parameter.get('Type')!r}; "
            f"the local cloud knows {', '.join(_PARSERS)}."
        )
    try:
        value = parse(text)
    except ValueError as error:
        raise TemplateError(f"Parameter {name} must be a number, not {text!r}.") from error
    violation = _violation(parameter, value)
    if violation:
        reason = parameter.get("ConstraintDescription", violation)
        raise TemplateError(f"Parameter {name} {reason}, not {text!r}.")
    return value


def _violation(parameter: Mapping[str, Json], value: Json) -> str | None:
    """Return the constraint that `value` or one of its items violates, or None."""
    for item in value if isinstance(value, list) else [value]:
        violation = _text_violation(parameter, str(item)) or _number_violation(parameter, item)
        if violation:
            return violation
    return None


def _text_violation(parameter: Mapping[str, Json], text: str) -> str | None:
    allowed = [str(item) for item in parameter.get("AllowedValues", [text])]
    if text not in allowed:
        return f"must be one of {', '.join(allowed)}"
    pattern = parameter.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, text):
        return f"must match pattern {pattern}"
    if len(text) < int(parameter.get("MinLength", 0)):
        return f"must contain at least {parameter['MinLength']} characters"
    if len(text) > int(parameter.get("MaxLength", len(text))):
        return f"must contain at most {parameter['MaxLength']} characters"
    return None


def _number_violation(parameter: Mapping[str, Json], value: Json) -> str | None:
    if isinstance(value, str):
        return None
    if value < float(parameter.get("MinValue", value)):
        return f"must be a number not less than {parameter['MinValue']}"
    if value > float(parameter.get("MaxValue", value)):
        return f"must be a number not greater than {parameter['MaxValue']}"
    return None

"""The input of a rule's target: the event, a part of it, a constant or a filled template.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_PATH = re.compile(r"\$((\.[A-Za-z0-9_/-]+)(\[(\d+|\*)\])*)*")
_PATH_STEP = re.compile(r"\.([A-Za-z0-9_/-]+)|\[(\d+|\*)\]")
MAX_PATHS = 100
RESERVED_VARIABLES = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    }
)


class InvalidTargetInput(ValueError):  # noqa: N818 - the name says what is wrong
    """An input, input path or input template that PutTargets rejects."""


@dataclass(frozen=True, slots=True)
class EventOrigin:
    """The rule that matched an event, for the reserved variables of input templates."""

    rule_arn: str
    rule_name: str
    ingestion_time: str


class MissingValue:
    """The type of MISSING, the value of a path that the event does not have."""


MISSING = MissingValue()


def compact_json(value: object) -> str:
    """Return `value` as JSON without spaces, as EventBridge writes events."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def look_up(path: str, value: object) -> object:
    """Return the value at `path` (`$.detail.items[0].name`) in `value`, or MISSING."""
    for name, index in _PATH_STEP.findall(path):
        if index == "*":
            if not isinstance(value, list):
                return MISSING
        elif index:
            if not isinstance(value, list) or int(index) >= len(value):
                return MISSING
            value = value[int(index)]
        elif isinstance(value, list):
            value = [item[name] for item in value if isinstance(item, dict) and name in item]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return MISSING
    return value


def check_path(path: str) -> None:
    """Raise InvalidTargetInput unless EventBridge accepts `path`."""
    if not _PATH.fullmatch(path):
        raise InvalidTargetInput(f"{path} is not a valid JSON path")


def check_target_input(target: Mapping[str, Any]) -> None:
    """Raise InvalidTargetInput unless a target's Input, InputPath or InputTransformer is valid."""
    members = [name for name in ("Input", "InputPath", "InputTransformer") if name in target]
    if len(members) > 1:
        raise InvalidTargetInput(f"Only one of {', '.join(members)} must be provided")
    if "Input" in target:
        _check_json(target["Input"], "Input")
    if "InputPath" in target:
        check_path(target["InputPath"])
    if "InputTransformer" in target:
        _check_transformer(target["InputTransformer"])


def _check_json(text: str, member: str) -> None:
    try:
        json.loads(text)
    except ValueError as error:
        raise InvalidTargetInput(f"JSON syntax error in {member}: {error}") from error


def _check_transformer(transformer: Mapping[str, Any]) -> None:
    paths: Mapping[str, str] = transformer.get("InputPathsMap") or {}
    if len(paths) > MAX_PATHS:
        raise InvalidTargetInput(f"InputPathsMap takes at most {MAX_PATHS} entries")
    for name, path in paths.items():
        if name.lower().startswith("aws.") or not _VARIABLE.fullmatch(f"<{name}>"):
            raise InvalidTargetInput(f"{name} is not a valid variable name")
        check_path(path)
    template = transformer["InputTemplate"]
    for name in _VARIABLE.findall(template):
        if name not in paths and name not in RESERVED_VARIABLES:
            raise InvalidTargetInput(
                f"InputTemplate uses {name}, which InputPathsMap does not name"
            )
    filled = fill_template(template, dict.fromkeys(set(paths) | RESERVED_VARIABLES, "x"))
    _check_json(filled, "InputTemplate")


def target_payload(target: Mapping[str, Any], event: Mapping[str, Any], origin: EventOrigin) -> str:
    """Return the exact JSON text that `target` receives for `event`."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        part = look_up(target["InputPath"], event)
        return "{}" if part is MISSING else compact_json(part)
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        return fill_template(transformer["InputTemplate"], _variables(transformer, event, origin))
    return compact_json(event)


def _variables(
    transformer: Mapping[str, Any], event: Mapping[str, Any], origin: EventOrigin
) -> dict[str, object]:
    paths = (transformer.get("InputPathsMap") or {}).items()
    return {
        **{name: look_up(path, event) for name, path in paths},
        "aws.events.rule-arn": origin.rule_arn,
        "aws.events.rule-name": origin.rule_name,
        "aws.events.event.ingestion-time": origin.ingestion_time,
        "aws.events.event": {name: part for name, part in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }


def fill_template(template: str, variables: Mapping[str, object]) -> str:
    """Return `template` with every `<name>` replaced by the variable's value.

    Inside a JSON string a value becomes escaped text; elsewhere it becomes JSON. A missing
    value becomes an empty string inside quotes and `null` elsewhere.
    """
    parts: list[str] = []
    quoted = False
    position = 0
    while position < len(template):
        match = _VARIABLE.match(template, position)
        if match and match[1] in variables:
            parts.append(_render_value(variables[match[1]], quoted))
            position = match.end()
            continue
        character = template[position]
        if character == "\\" and quoted:
            parts.append(template[position : position + 2])
            position += 2
            continue
        quoted = quoted != (character == '"')
        parts.append(character)
        position += 1
    return "".join(parts)


def _render_value(value: object, quoted: bool) -> str:
    if value is MISSING:
        return "" if quoted else "null"
    if not quoted:
        return compact_json(value)
    text = value if isinstance(value, str) else compact_json(value)
    return compact_json(text)[1:-1]

"""What a rule's target receives: the event, a part, a constant, or a filled template. Pure.

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
_STEP = re.compile(r"\.([A-Za-z0-9_/-]+)|\[(\d+|\*)\]")
MAX_PATHS = 100
RESERVED = frozenset(
    {
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    }
)


class InvalidTransform(ValueError):  # noqa: N818 - named for what it tells
    """An input, path or template that PutTargets refuses."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an event came through: what the reserved variables tell."""

    rule_arn: str
    rule_name: str
    ingestion_time: str


class Missing:
    """Stands for a path that leads nowhere in this event."""


MISSING = Missing()


def compact(value: object) -> str:
    """Return `value` as JSON without spaces, as EventBridge writes events."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def look_up(path: str, value: object) -> object:
    """Return what `path` (`$.detail.items[0].name`) leads to in `value`, or MISSING."""
    for name, index in _STEP.findall(path):
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
    """Raise InvalidTransform unless `path` is one that EventBridge takes."""
    if not _PATH.fullmatch(path):
        raise InvalidTransform(f"{path} is not a valid JSON path")


def check_target_input(target: Mapping[str, Any]) -> None:
    """Raise InvalidTransform unless a target's Input, InputPath or InputTransformer is valid."""
    given = [name for name in ("Input", "InputPath", "InputTransformer") if name in target]
    if len(given) > 1:
        raise InvalidTransform(f"Only one of {', '.join(given)} must be provided")
    if "Input" in target:
        _check_json(target["Input"], "Input")
    if "InputPath" in target:
        check_path(target["InputPath"])
    if "InputTransformer" in target:
        _check_transformer(target["InputTransformer"])


def _check_json(text: str, what: str) -> None:
    try:
        json.loads(text)
    except ValueError as error:
        raise InvalidTransform(f"JSON syntax error in {what}: {error}") from error


def _check_transformer(transformer: Mapping[str, Any]) -> None:
    paths: Mapping[str, str] = transformer.get("InputPathsMap") or {}
    if len(paths) > MAX_PATHS:
        raise InvalidTransform(f"InputPathsMap takes at most {MAX_PATHS} entries")
    for name, path in paths.items():
        if name.lower().startswith("aws.") or not _VARIABLE.fullmatch(f"<{name}>"):
            raise InvalidTransform(f"{name} is not a valid variable name")
        check_path(path)
    template = transformer["InputTemplate"]
    for name in _VARIABLE.findall(template):
        if name not in paths and name not in RESERVED:
            raise InvalidTransform(f"InputTemplate uses {name}, which InputPathsMap does not name")
    filled = fill(template, dict.fromkeys(set(paths) | RESERVED, "x"))
    _check_json(filled, "InputTemplate")


def payload_of(target: Mapping[str, Any], event: Mapping[str, Any], origin: Origin) -> str:
    """Return the exact JSON text that `target` gets for `event`."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        found = look_up(target["InputPath"], event)
        return "{}" if found is MISSING else compact(found)
    if "InputTransformer" in target:
        transformer = target["InputTransformer"]
        return fill(transformer["InputTemplate"], _variables(transformer, event, origin))
    return compact(event)


def _variables(
    transformer: Mapping[str, Any], event: Mapping[str, Any], origin: Origin
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


def fill(template: str, variables: Mapping[str, object]) -> str:
    """Fill `<name>` in a template.

    Inside a JSON string a value becomes escaped text; elsewhere it becomes JSON. A path
    that led nowhere leaves an empty string inside quotes and `null` elsewhere.
    """
    parts: list[str] = []
    quoted = False
    position = 0
    while position < len(template):
        found = _VARIABLE.match(template, position)
        if found and found[1] in variables:
            parts.append(_shown(variables[found[1]], quoted))
            position = found.end()
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


def _shown(value: object, quoted: bool) -> str:
    if value is MISSING:
        return "" if quoted else "null"
    if not quoted:
        return compact(value)
    text = value if isinstance(value, str) else compact(value)
    return compact(text)[1:-1]

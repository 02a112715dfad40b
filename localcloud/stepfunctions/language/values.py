"""The JSON values that flow between states, and what an expression may read besides them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]


class Absent(Enum):
    """Tells a field that was not written from one that was written as JSON null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
Template: TypeAlias = Json | Absent


@dataclass(frozen=True, slots=True)
class Environment:
    """What expressions read besides their input: the context object and the variables.

    `context` is the whole context object (`$$` in JSONPath, `$states.context` in JSONata).
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """

    context: JsonObject = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)


def dumps(value: Json) -> str:
    """Write `value` as Step Functions does: compact, and not escaped beyond need."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def loads(text: str | bytes) -> Json:
    """Read JSON as Step Functions does: `NaN` and its like are no JSON. Raises `ValueError`."""
    value: Json = json.loads(text, parse_constant=_no_constant)
    return value


def _no_constant(name: str) -> None:
    raise json.JSONDecodeError(f"Unrecognized token '{name}'", name, 0)


def size_of(value: Json) -> int:
    """Return the size of `value` in bytes, as the quotas count it: UTF-8 of the compact JSON."""
    return len(dumps(value).encode("utf-8", "surrogatepass"))


def same(one: Json, other: Json) -> bool:
    """Return whether two JSON values are equal; true is not 1, but 1 is 1.0."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and one == other

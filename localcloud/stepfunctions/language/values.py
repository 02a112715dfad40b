"""JSON values that flow between states, timestamps, and what expressions may read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Final, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]


class Absent(Enum):
    """Distinguishes a field that was not written from one that was written as JSON null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
Template: TypeAlias = Json | Absent


@dataclass(frozen=True, slots=True)
class Environment:
    """The context object and variables that expressions may read.

    `context` is the whole context object (`$$` in JSONPath, `$states.context` in JSONata).
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """

    context: JsonObject = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)


_TOKEN: Final = re.compile(r"\s*([A-Za-z_][\w-]*)")
_VALUES: Final = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"


def dumps(value: Json) -> str:
    """Return `value` as JSON text as Step Functions writes it: compact, minimally escaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def loads(text: str | bytes) -> Json:
    """Parse JSON as Step Functions does: `NaN` and the like are invalid. Raises ValueError."""
    value: Json = json.loads(text, parse_constant=_no_constant)
    return value


def _no_constant(name: str) -> None:
    raise json.JSONDecodeError(f"Unrecognized token '{name}'", name, 0)


def describe_json_error(text: str, error: ValueError) -> str:
    """Return why `text` is no JSON in the words of AWS's parser, if they are known."""
    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
    token = _TOKEN.match(text, at)
    if token is not None:
        return f"Unrecognized token '{token[1]}': was expecting ({_VALUES})"
    character, problem = text[at : at + 1], str(error)
    unexpected = f"Unexpected character ('{character}' (code {ord(character or ' ')})): "
    if character and "property name" in problem:
        return f"{unexpected}was expecting double-quote to start field name"
    if character and problem.startswith("Expecting value"):
        return f"{unexpected}expected a valid value ({_VALUES})"
    return problem


def locate_json_error(text: str, error: json.JSONDecodeError) -> str:
    """Return where AWS's parser stops: after the token or the character that it cannot read."""
    token = _TOKEN.match(text, error.pos)
    read = len(token[0]) if token is not None else len(text[error.pos : error.pos + 1])
    return f"line: {error.lineno}, column: {error.colno + read}"


def size_of(value: Json) -> int:
    """Return the size of `value` in bytes, as quotas count it: UTF-8 of the compact JSON."""
    return len(dumps(value).encode("utf-8", "surrogatepass"))


def is_equal(one: Json, other: Json) -> bool:
    """Return whether two JSON values are equal; true is not 1, but 1 is 1.0."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_equal(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and one == other


_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse_timestamp(text: str) -> datetime | None:
    """Return the aware time that `text` denotes, or None if it is not a timestamp.

    Timestamps are the profile of RFC 3339 with capital `T` and `Z`; digits beyond microseconds
    are dropped. https://states-language.net/spec.html#timestamps
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    seconds, fraction, sign, hours, minutes = match.groups()
    try:
        offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
        zone = timezone(-offset if sign == "-" else offset) if sign else UTC
        moment = datetime.strptime(seconds, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        return None
    return moment.replace(microsecond=int((fraction or "0")[:6].ljust(6, "0")))


def format_timestamp(moment: datetime) -> str:
    """Return `moment` as the context object writes it: UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_utf8_json(value: Json) -> str:
    """Return `value` as compact JSON; unpaired surrogates, invalid in UTF-8, become `?`."""
    return replace_surrogates(dumps(value))


def replace_surrogates(text: str) -> str:
    """Return `text` with `?` for each unpaired surrogate."""
    return text.encode("utf-8", "replace").decode()

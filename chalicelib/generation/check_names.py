"""The names of answer checks, parsed for a call. Pure.

Separate from the checks themselves, which load a validator of JSON Schemas: code that takes calls
from a batch file needs the names only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call


MAX_CHECKS = 8
MAX_SHOWN = 200
"""Characters of a caller's text that an error repeats."""
SELF_CHECK = "self-check"
JUDGED_KINDS = ("supported", "moderated", SELF_CHECK)
"""Checks that ask a model. They come last, since each costs a call."""
JSON_KINDS = ("json", "schema", "tools")
"""Checks that an answer which was cut off always fails."""

_PLAIN = ("finish", "json", "schema", "tools")
_WITH_VALUE = ("length", "contains", "lacks")
_LENGTH = re.compile(r"(\d{0,7})\.\.(\d{0,7})")


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """One check; `value` is the text after the colon of its name."""

    kind: str
    value: str = ""


def parse_checks(names: Sequence[str], call: Call) -> tuple[AnswerCheck, ...]:
    """Return the named checks, those of judges last.

    Raises:
        InvalidInput: there are too many, or one is unknown, malformed, or not for such a call.
    """
    if len(names) > MAX_CHECKS:
        raise InvalidInput(
            f"There are {len(names)} checks; give {MAX_CHECKS} at most.",
            field="checks",
            limit=str(MAX_CHECKS),
        )
    checks = [_parsed(name, call) for name in names]
    return tuple(sorted(checks, key=lambda check: check.kind in JUDGED_KINDS))


def _parsed(name: str, call: Call) -> AnswerCheck:
    kind, colon, value = name.partition(":")
    known = (*_PLAIN, *(f"{kind}:…" for kind in _WITH_VALUE), *JUDGED_KINDS)
    if (kind in _WITH_VALUE) != bool(colon) or kind not in (*_PLAIN, *_WITH_VALUE, *JUDGED_KINDS):
        raise InvalidInput(
            f"No check is called {name[:MAX_SHOWN]!r}. There are: {', '.join(known)}.",
            field="checks",
        )
    if colon and not value.strip():
        raise InvalidInput(f"The check {kind} has nothing behind its colon.", field="checks")
    if kind == "length":
        length_bounds(value)
    if call.task != "chat" and not (call.task == "image" and kind == "moderated"):
        raise InvalidInput(
            f"The check {kind} is not for {call.task}; leave it out.", field="checks"
        )
    if kind == "supported" and not quoted_texts(call):
        raise InvalidInput(
            "The check supported takes a call that gives something to go by: documents, or results"
            " of tools.",
            field="checks",
        )
    if kind == "schema" and output_schema(call) is None:
        raise InvalidInput(
            "The check schema takes a call with a JSON Schema of its output.", field="checks"
        )
    return AnswerCheck(kind, value)


def quoted_texts(call: Call) -> list[str]:
    """Return the sources that a call gives the model: documents, and results of tools."""
    if call.task != "chat":
        return []
    parts = [part for message in call.messages for part in message.content]
    return [
        part.text
        for part in parts
        if part.type == "tool_result" or (part.type == "text" and part.origin == "untrusted")
    ]


def output_schema(call: Call) -> Mapping[str, Any] | None:
    if call.task != "chat" or call.json_output is None:
        return None
    return call.json_output.json_schema


def length_bounds(value: str) -> tuple[int, int | None]:
    match = _LENGTH.fullmatch(value.strip())
    lowest = int(match[1] or 0) if match is not None else 0
    highest = int(match[2]) if match is not None and match[2] else None
    if match is None or not (match[1] or match[2]) or (highest is not None and highest < lowest):
        raise InvalidInput(
            "The check length takes the fewest and the most characters, such as length:20..400.",
            field="checks",
        )
    return lowest, highest

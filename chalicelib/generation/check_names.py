"""What an answer must stand before it is given; one that does not goes on to the next model.

Callers name checks as texts:

    finish            it ended by itself: it was not cut off, nor filtered
    json              it is JSON
    schema            it is JSON that keeps to the call's JSON Schema
    tools             each call of a tool names one that there is, with arguments of its schema
    length:20..400    it has so many characters; either bound may be left out
    contains:WORDS    it holds these words, in whatever case
    lacks:WORDS       it does not
    supported         what it says rests on the documents or tools' results that it was given
    moderated         it says or shows nothing harmful
    self-check        the model, asked again, stands by it

The last three take a model and are a judge's, which is passed in. Those that take none run first,
and the first that fails is told. `checks` runs them.
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
SELF = "self-check"
JUDGED = ("supported", "moderated", SELF)
OF_JSON = ("json", "schema", "tools")
"""Checks that an answer which was cut off can only fail."""
_PLAIN = ("finish", "json", "schema", "tools")
_WITH_VALUE = ("length", "contains", "lacks")
_LENGTH = re.compile(r"(\d{0,7})\.\.(\d{0,7})")
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to check; `value` is what stands behind the colon."""

    kind: str
    value: str = ""


def parse(names: Sequence[str], call: Call) -> tuple[Check, ...]:
    """Return the checks that are named, those that take no model first.

    Raises:
        InvalidInput: there are too many, or one is not known, malformed, or not for such a call.
    """
    if len(names) > MAX_CHECKS:
        raise InvalidInput(
            f"There are {len(names)} checks; give {MAX_CHECKS} at most.",
            field="checks",
            limit=str(MAX_CHECKS),
        )
    found = [_parsed(name, call) for name in names]
    return tuple(sorted(found, key=lambda check: check.kind in JUDGED))


def _parsed(name: str, call: Call) -> Check:
    kind, colon, value = name.partition(":")
    known = (*_PLAIN, *(f"{kind}:…" for kind in _WITH_VALUE), *JUDGED)
    if (kind in _WITH_VALUE) != bool(colon) or kind not in (*_PLAIN, *_WITH_VALUE, *JUDGED):
        raise InvalidInput(
            f"No check is called {name[:SHOWN]!r}. There are: {', '.join(known)}.", field="checks"
        )
    if colon and not value.strip():
        raise InvalidInput(f"The check {kind} has nothing behind its colon.", field="checks")
    if kind == "length":
        bounds(value)
    if call.task != "chat" and not (call.task == "image" and kind == "moderated"):
        raise InvalidInput(
            f"The check {kind} is not for {call.task}; leave it out.", field="checks"
        )
    if kind == "supported" and not sources_of(call):
        raise InvalidInput(
            "The check supported takes a call that gives something to go by: documents, or results"
            " of tools.",
            field="checks",
        )
    if kind == "schema" and schema_of(call) is None:
        raise InvalidInput(
            "The check schema takes a call with a JSON Schema of its output.", field="checks"
        )
    return Check(kind, value)


def sources_of(call: Call) -> list[str]:
    """Return what a call gives the model to go by: its documents, and what tools gave back."""
    if call.task != "chat":
        return []
    parts = [part for message in call.messages for part in message.content]
    return [
        part.text
        for part in parts
        if part.type == "tool_result" or (part.type == "text" and part.origin == "untrusted")
    ]


def schema_of(call: Call) -> Mapping[str, Any] | None:
    if call.task != "chat" or call.json_output is None:
        return None
    return call.json_output.json_schema


def bounds(value: str) -> tuple[int, int | None]:
    found = _LENGTH.fullmatch(value.strip())
    least = int(found[1] or 0) if found is not None else 0
    most = int(found[2]) if found is not None and found[2] else None
    if found is None or not (found[1] or found[2]) or (most is not None and most < least):
        raise InvalidInput(
            "The check length takes the fewest and the most characters, such as length:20..400.",
            field="checks",
        )
    return least, most

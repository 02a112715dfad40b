"""History events: their names, the members they carry, and how they look on the wire.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.stepfunctions.engine.model import Event
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

MAX_EVENTS = 25_000
"""A Standard execution that reaches this many events fails.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

_DATA = ("input", "output", "parameters", "assignedVariables")
_WHOLE: JsonObject = {"truncated": False}


def entered(name: str, value: Json) -> JsonObject:
    """Return the details of a `…StateEntered` event."""
    return {"name": name, "input": dumps(value), "inputDetails": _WHOLE}


def exited(name: str, output: Json, assigned: Mapping[str, Json] | None) -> JsonObject:
    """Return the details of a `…StateExited` event."""
    details: JsonObject = {"name": name, **given("output", output)}
    if assigned:
        details["assignedVariables"] = {key: dumps(value) for key, value in assigned.items()}
        details["assignedVariablesDetails"] = _WHOLE
    return details


def given(member: str, value: Json) -> JsonObject:
    """Return `value` as the text of `member` and the `…Details` that go with it."""
    return {member: dumps(value), f"{member}Details": _WHOLE}


def problem(error: str | None, cause: str | None) -> JsonObject:
    """Return the `error` and `cause` that are there."""
    members = {"error": error, "cause": cause}
    return {name: text for name, text in members.items() if text}


def details_member(event_type: str) -> str:
    """Return the name of the member that holds the details of an event of that type."""
    for suffix in ("StateEntered", "StateExited"):
        if event_type.endswith(suffix):
            return f"{suffix[0].lower()}{suffix[1:]}EventDetails"
    return f"{event_type[0].lower()}{event_type[1:]}EventDetails"


def on_the_wire(event: Event, *, with_data: bool) -> dict[str, Any]:
    """Return `event` as GetExecutionHistory does; without data, inputs and outputs are left out."""
    shown: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(event.at, UTC),
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous,
    }
    if event.details is not None:
        details = dict(event.details)
        if not with_data:
            for member in _DATA:
                details.pop(member, None)
        shown[details_member(event.type)] = details
    return shown

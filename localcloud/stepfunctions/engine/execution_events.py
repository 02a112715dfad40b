"""History events in the API's form, and the EventBridge event of a status change.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.stepfunctions.engine.records import (
    ExecutionIdentity,
    ExecutionStatus,
    HistoryEvent,
)
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps, to_utf8_json

MAX_EVENTS = 25_000
"""A Standard execution that reaches this many events fails.

https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

ROOM_TO_END = 8
"""Events kept free below the history limit, so that a failure can still be recorded."""

_DATA = ("input", "output", "parameters", "assignedVariables")
_WHOLE: JsonObject = {"truncated": False}


def state_entered_details(name: str, value: Json) -> JsonObject:
    """Return the details of a `…StateEntered` event."""
    return {"name": name, "input": dumps(value), "inputDetails": _WHOLE}


def state_exited_details(
    name: str, output: Json, assigned: Mapping[str, Json] | None
) -> JsonObject:
    """Return the details of a `…StateExited` event."""
    details: JsonObject = {"name": name, **data_details("output", output)}
    if assigned:
        details["assignedVariables"] = {key: dumps(value) for key, value in assigned.items()}
        details["assignedVariablesDetails"] = _WHOLE
    return details


def data_details(member: str, value: Json) -> JsonObject:
    """Return `value` as the JSON text of `member`, with its `…Details` member."""
    return {member: dumps(value), f"{member}Details": _WHOLE}


def error_details(error: str | None, cause: str | None) -> JsonObject:
    """Return `error` and `cause` without the empty ones."""
    members = {"error": error, "cause": cause}
    return {name: text for name, text in members.items() if text}


def details_member(event_type: str) -> str:
    """Return the member that holds the details of an event of that type."""
    for suffix in ("StateEntered", "StateExited"):
        if event_type.endswith(suffix):
            return f"{suffix[0].lower()}{suffix[1:]}EventDetails"
    return f"{event_type[0].lower()}{event_type[1:]}EventDetails"


def to_api_event(event: HistoryEvent, *, with_data: bool) -> dict[str, Any]:
    """Return `event` as GetExecutionHistory does; `with_data` includes inputs and outputs."""
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


def details_of(event: HistoryEvent, *, with_data: bool) -> JsonObject:
    """Return the details of an event as logs hold them, without data or with it."""
    hidden = () if with_data else (*_DATA, *(f"{name}Details" for name in _DATA))
    details = event.details or {}
    return {name: value for name, value in details.items() if name not in hidden}


_MAX_DATA_BYTES = 248 * 1024
"""Input and output are both left out if they are larger together."""


def status_event(run: RunningExecution) -> Mapping[str, Any]:
    """Return the event for the present status of `run`. Dates are in milliseconds."""
    identity, outcome = run.identity, run.outcome
    given = to_utf8_json(identity.input)
    succeeded = run.status is ExecutionStatus.SUCCEEDED and outcome is not None
    output = to_utf8_json(outcome.output) if succeeded and outcome is not None else None
    included = len(given.encode()) + len((output or "").encode()) <= _MAX_DATA_BYTES
    redrivable = run.status not in (ExecutionStatus.RUNNING, ExecutionStatus.SUCCEEDED)
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "resources": [identity.arn],
        "detail": {
            "executionArn": identity.arn,
            "stateMachineArn": identity.machine_arn,
            "stateMachineVersionArn": identity.version_arn,
            "stateMachineAliasArn": identity.alias_arn,
            "name": identity.name,
            "status": str(run.status),
            "startDate": int(identity.started * 1000),
            "stopDate": None if run.stopped is None else int(run.stopped * 1000),
            "input": given if included else None,
            "inputDetails": {"included": included},
            "output": output if included else None,
            "outputDetails": None if output is None else {"included": included},
            "error": outcome.error if outcome else None,
            "cause": outcome.cause if outcome else None,
            "redriveCount": run.redrive_count,
            "redriveDate": None if run.redriven is None else int(run.redriven * 1000),
            "redriveStatus": _redrivable(identity) if redrivable else "NOT_REDRIVABLE",
            "redriveStatusReason": None
            if redrivable
            else f"Execution is {run.status} and cannot be redriven",
        },
    }


def _redrivable(identity: ExecutionIdentity) -> str:
    return "REDRIVABLE" if identity.map_run_arn is None else "REDRIVABLE_BY_MAP_RUN"

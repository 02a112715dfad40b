"""The optimised integrations that only convert parameters.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.stepfunctions.integrations import botocore_calls
from localcloud.stepfunctions.integrations.integration import (
    ClientFactory,
    IntegrationPattern,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

_ONCE = frozenset({IntegrationPattern.REQUEST})
_TOKEN = frozenset({IntegrationPattern.REQUEST, IntegrationPattern.TOKEN})


@dataclass(frozen=True, slots=True)
class OptimisedIntegration:
    """Calls one of `actions`; `texts` are parameters that may be given as JSON values."""

    service: str
    actions: frozenset[str]
    style: botocore_calls.ErrorStyle
    patterns: frozenset[IntegrationPattern] = _ONCE
    texts: frozenset[str] = frozenset()

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return an error for an unknown action, or None."""
        if resource.action in self.actions:
            return None
        return f"{resource.service} has no action {resource.action}"

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Make the call."""
        client = clients(self.service, request.role_arn)
        operation = request.resource.action[:1].upper() + request.resource.action[1:]
        parameters = to_json_text(request.parameters, self.texts)
        return botocore_calls.call_optimised(client, self.style, operation, parameters)[1]


def to_json_text(parameters: JsonObject, names: frozenset[str]) -> JsonObject:
    """Return `parameters` with those of `names` that are not text written as JSON."""
    return {
        name: dumps(value) if name in names and not isinstance(value, str | None) else value
        for name, value in parameters.items()
    }


DYNAMODB = OptimisedIntegration(
    "dynamodb",
    frozenset({"getItem", "putItem", "updateItem", "deleteItem"}),
    botocore_calls.ErrorStyle(
        "DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException", semicolons=True
    ),
)
SQS = OptimisedIntegration(
    "sqs",
    frozenset({"sendMessage"}),
    botocore_calls.ErrorStyle("SQS", "AmazonSQS", "AmazonSQSException", semicolons=True),
    _TOKEN,
    frozenset({"MessageBody"}),
)
SNS = OptimisedIntegration(
    "sns",
    frozenset({"publish"}),
    botocore_calls.ErrorStyle("SNS", "AmazonSNS", "AmazonSNSException", semicolons=True),
    _TOKEN,
    frozenset({"Message"}),
)
_EVENTS_STYLE = botocore_calls.ErrorStyle(
    "EventBridge", "AmazonEventBridge", "AmazonEventBridgeException", semicolons=True
)


class PutEventsIntegration:
    """`events:putEvents`: fails if an entry fails; adds the execution to every event.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
    """

    patterns = _TOKEN

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return an error for any action but `putEvents`, or None."""
        return None if resource.action == "putEvents" else f"events has no {resource.action}"

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Send the events."""
        client = clients("events", request.role_arn)
        entries = request.parameters.get("Entries")
        given = entries if isinstance(entries, list) else []
        parameters: JsonObject = {
            **request.parameters,
            "Entries": [_entry(entry, request) for entry in given],
        }
        result = botocore_calls.call_optimised(client, _EVENTS_STYLE, "PutEvents", parameters)[1]
        shown: JsonObject = {name: result[name] for name in ("Entries", "FailedEntryCount")}
        if shown["FailedEntryCount"]:
            raise ReportedError("EventBridge.FailedEntry", dumps(shown))
        return shown


def _entry(entry: Json, request: TaskCall) -> Json:
    if not isinstance(entry, dict):
        return entry
    named = entry.get("Resources")
    resources = [*(named if isinstance(named, list) else [])]
    about: JsonObject = {"Resources": [*resources, request.machine_arn, request.execution_arn]}
    return {**to_json_text(entry, frozenset({"Detail"})), **about}

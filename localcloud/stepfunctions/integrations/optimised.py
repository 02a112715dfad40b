"""The optimised integrations that do no more than translate their parameters.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.integrations import calls
from localcloud.stepfunctions.integrations.contract import Clients, Request
from localcloud.stepfunctions.integrations.resource import Pattern, Resource
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

_ONCE = frozenset({Pattern.REQUEST})
_TOKEN = frozenset({Pattern.REQUEST, Pattern.TOKEN})


@dataclass(frozen=True, slots=True)
class Optimised:
    """Calls one of `actions` of a service; `texts` are parameters that may be given as JSON."""

    service: str
    actions: frozenset[str]
    style: calls.Style
    patterns: frozenset[Pattern] = _ONCE
    texts: frozenset[str] = frozenset()

    def problem(self, resource: Resource) -> str | None:
        """Say so if there is no such action."""
        if resource.action in self.actions:
            return None
        return f"{resource.service} has no action {resource.action}"

    def call(self, request: Request, clients: Clients) -> Json:
        """Make the call."""
        client = clients(self.service, request.role_arn)
        operation = request.resource.action[:1].upper() + request.resource.action[1:]
        parameters = as_text(request.parameters, self.texts)
        return calls.optimised(client, self.style, operation, parameters)[1]


def as_text(parameters: JsonObject, names: frozenset[str]) -> JsonObject:
    """Return `parameters` with those of `names` that are no text written as JSON."""
    return {
        name: dumps(value) if name in names and not isinstance(value, str | None) else value
        for name, value in parameters.items()
    }


DYNAMODB = Optimised(
    "dynamodb",
    frozenset({"getItem", "putItem", "updateItem", "deleteItem"}),
    calls.Style("DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException", semicolons=True),
)
SQS = Optimised(
    "sqs",
    frozenset({"sendMessage"}),
    calls.Style("SQS", "AmazonSQS", "AmazonSQSException", semicolons=True),
    _TOKEN,
    frozenset({"MessageBody"}),
)
SNS = Optimised(
    "sns",
    frozenset({"publish"}),
    calls.Style("SNS", "AmazonSNS", "AmazonSNSException", semicolons=True),
    _TOKEN,
    frozenset({"Message"}),
)
_EVENTS_STYLE = calls.Style(
    "EventBridge", "AmazonEventBridge", "AmazonEventBridgeException", semicolons=True
)


class PutEvents:
    """`events:putEvents`: fails if one entry does, and names its execution in every event.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
    """

    patterns = _TOKEN

    def problem(self, resource: Resource) -> str | None:
        """Only `putEvents` is there."""
        return None if resource.action == "putEvents" else f"events has no {resource.action}"

    def call(self, request: Request, clients: Clients) -> Json:
        """Send the events."""
        client = clients("events", request.role_arn)
        entries = request.parameters.get("Entries")
        given = entries if isinstance(entries, list) else []
        parameters: JsonObject = {
            **request.parameters,
            "Entries": [_entry(entry, request) for entry in given],
        }
        result = calls.optimised(client, _EVENTS_STYLE, "PutEvents", parameters)[1]
        shown: JsonObject = {name: result[name] for name in ("Entries", "FailedEntryCount")}
        if shown["FailedEntryCount"]:
            raise Stated("EventBridge.FailedEntry", dumps(shown))
        return shown


def _entry(entry: Json, request: Request) -> Json:
    if not isinstance(entry, dict):
        return entry
    named = entry.get("Resources")
    resources = [*(named if isinstance(named, list) else [])]
    about: JsonObject = {"Resources": [*resources, request.machine_arn, request.execution_arn]}
    return {**as_text(entry, frozenset({"Detail"})), **about}

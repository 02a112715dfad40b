"""Calls between services in this process, which pass no front door: held to the same policies.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.iam.guard import Caller, Guard
from localcloud.iam.needs import Need
from localcloud.lambdas.poller import Queues
from localcloud.service import Deliverer, Params, Result

_DELIVERIES: Mapping[str, tuple[str, str, str]] = {
    "lambda": ("lambda", "Invoke", "lambda:InvokeFunction"),
    "sqs": ("sqs", "SendMessage", "sqs:SendMessage"),
    "states": ("stepfunctions", "StartExecution", "states:StartExecution"),
    "events": ("events", "PutEvents", "events:PutEvents"),
}
"""The service in a target's ARN, to the call that a delivery is, and the action it needs."""

EVENTBRIDGE = Caller.service("events.amazonaws.com")
API_GATEWAY = Caller.service("apigateway.amazonaws.com")


def guarded(guard: Guard, kind: str, deliver: Deliverer) -> Deliverer:
    """Return `deliver`, but for what the role of a target may do, or its resource lets rules do."""
    service, operation, action = _DELIVERIES[kind]

    def checked(arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        role, source = definition.get("RoleArn"), definition.get("SourceArn")
        caller = guard.in_role(str(role), "eventbridge") if role else EVENTBRIDGE
        need = Need(action, arn, _from(str(source)) if source else {})
        guard.admit_needs(caller, service, operation, [need])
        deliver(arn, payload, definition)

    return checked


def _from(source_arn: str) -> dict[str, tuple[str, ...]]:
    return {"aws:sourcearn": (source_arn,), "aws:sourceaccount": (source_arn.split(":")[4],)}


def check_invoke(guard: Guard, function_arn: str, source_arn: str) -> None:
    """Raise AwsError unless the function lets the method `source_arn` of an API invoke it."""
    need = Need("lambda:InvokeFunction", function_arn, _from(source_arn))
    guard.admit_needs(API_GATEWAY, "lambda", "Invoke", [need])


def check_start(guard: Guard, role_arn: str, machine_arn: str) -> None:
    """Raise AwsError unless a machine's role may start executions, as its distributed Maps do."""
    caller = guard.in_role(role_arn, "map-run")
    need = Need("states:StartExecution", machine_arn)
    guard.admit_needs(caller, "stepfunctions", "StartExecution", [need])


class QueuesAs:
    """The queues as a function's role may use them, for its event sources.

    What has no guard here is the local cloud's own: looking up a queue by its name, and giving
    back at a stop what nobody works on.
    """

    def __init__(self, queues: Queues, guard: Guard, role_arn: str, session: str) -> None:
        """Use `queues` in the name of `role_arn`."""
        self._queues = queues
        self._guard = guard
        self._caller = guard.in_role(role_arn, session)
        self.get_queue_url = queues.get_queue_url
        self.change_message_visibility = queues.change_message_visibility

    def get_queue_attributes(self, params: Params) -> Result:
        """Answer GetQueueAttributes."""
        self._guard.admit(self._caller, "sqs", "GetQueueAttributes", params)
        return self._queues.get_queue_attributes(params)

    def receive_message(self, params: Params) -> Result:
        """Answer ReceiveMessage."""
        self._guard.admit(self._caller, "sqs", "ReceiveMessage", params)
        return self._queues.receive_message(params)

    def delete_message_batch(self, params: Params) -> Result:
        """Answer DeleteMessageBatch."""
        self._guard.admit(self._caller, "sqs", "DeleteMessageBatch", params)
        return self._queues.delete_message_batch(params)

    def send_message(self, params: Params) -> Result:
        """Answer SendMessage."""
        self._guard.admit(self._caller, "sqs", "SendMessage", params)
        return self._queues.send_message(params)

"""Authorization of calls between services inside the process, which pass no front door.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.iam.guard import AccessGuard, Caller
from localcloud.iam.resources import AccountResources, RequiredPermission, resource_of
from localcloud.lambdas.event_sources.poller import SqsQueues
from localcloud.service import Deliverer, Params, Result

_DELIVERIES: Mapping[str, tuple[str, str, str]] = {
    "lambda": ("lambda", "Invoke", "lambda:InvokeFunction"),
    "sqs": ("sqs", "SendMessage", "sqs:SendMessage"),
    "states": ("stepfunctions", "StartExecution", "states:StartExecution"),
    "events": ("events", "PutEvents", "events:PutEvents"),
    "sns": ("sns", "Publish", "sns:Publish"),
}
"""By the service in a target's ARN: the service and operation of a delivery, and its action."""

EVENTBRIDGE = Caller.service("events.amazonaws.com")
S3 = Caller.service("s3.amazonaws.com")
SNS = Caller.service("sns.amazonaws.com")
API_GATEWAY = Caller.service("apigateway.amazonaws.com")


def guard_delivery(
    guard: AccessGuard, kind: str, deliver: Deliverer, service_caller: Caller = EVENTBRIDGE
) -> Deliverer:
    """Return `deliver` with a check that the target's role, or else the service, may deliver."""
    service, operation, action = _DELIVERIES[kind]

    def checked(arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        role, source = definition.get("RoleArn"), definition.get("SourceArn")
        caller = guard.role_caller(str(role), "eventbridge") if role else service_caller
        context = _source_context(str(source), definition.get("SourceAccount")) if source else {}
        guard.authorize(caller, service, operation, [RequiredPermission(action, arn, context)])
        deliver(arn, payload, definition)

    return checked


def _source_context(source_arn: str, account: str | None = None) -> dict[str, tuple[str, ...]]:
    """Return the condition keys of a call for `source_arn`; a bucket's ARN names no account."""
    owner = account or source_arn.split(":")[4]
    return {"aws:sourcearn": (source_arn,), "aws:sourceaccount": (owner,)}


def authorize_api_invoke(guard: AccessGuard, function_arn: str, source_arn: str) -> None:
    """Raise AwsError unless the function's policy lets the API method `source_arn` invoke it."""
    context = _source_context(source_arn)
    permission = RequiredPermission("lambda:InvokeFunction", function_arn, context)
    guard.authorize(API_GATEWAY, "lambda", "Invoke", [permission])


def authorize_map_run(guard: AccessGuard, role_arn: str, machine_arn: str) -> None:
    """Raise AwsError unless a state machine's role may start the executions of a map run."""
    caller = guard.role_caller(role_arn, "map-run")
    permission = RequiredPermission("states:StartExecution", machine_arn)
    guard.authorize(caller, "stepfunctions", "StartExecution", [permission])


def authorize_batch_model(
    guard: AccessGuard, account: AccountResources, role_arn: str, model: str
) -> None:
    """Raise AwsError unless the role of a batch job may invoke its inference profile.

    The role needs `bedrock:InvokeModel` on the profile and on its models. A job of a model that is
    no profile needs no such right.
    https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html
    """
    params = {"modelId": model}
    if ":inference-profile/" in resource_of("bedrock-runtime", params, account):
        caller = guard.role_caller(role_arn, "bedrock-batch")
        guard.authorize_call(caller, "bedrock-runtime", "InvokeModel", params)


class RoleQueues:
    """The SQS operations of a function's event sources, authorized by the function's role.

    Two operations are the local cloud's own and not authorized: looking up a queue's URL, and
    making messages visible again when the cloud stops.
    """

    def __init__(self, queues: SqsQueues, guard: AccessGuard, role_arn: str, session: str) -> None:
        """Call `queues` as a session of the role `role_arn`."""
        self._queues = queues
        self._guard = guard
        self._caller = guard.role_caller(role_arn, session)
        self.get_queue_url = queues.get_queue_url
        self.change_message_visibility = queues.change_message_visibility

    def get_queue_attributes(self, params: Params) -> Result:
        """Answer GetQueueAttributes."""
        self._guard.authorize_call(self._caller, "sqs", "GetQueueAttributes", params)
        return self._queues.get_queue_attributes(params)

    def receive_message(self, params: Params) -> Result:
        """Answer ReceiveMessage."""
        self._guard.authorize_call(self._caller, "sqs", "ReceiveMessage", params)
        return self._queues.receive_message(params)

    def delete_message_batch(self, params: Params) -> Result:
        """Answer DeleteMessageBatch."""
        self._guard.authorize_call(self._caller, "sqs", "DeleteMessageBatch", params)
        return self._queues.delete_message_batch(params)

    def send_message(self, params: Params) -> Result:
        """Answer SendMessage."""
        self._guard.authorize_call(self._caller, "sqs", "SendMessage", params)
        return self._queues.send_message(params)

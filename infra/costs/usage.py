"""Translation of counted usage into the lines that AWS bills. Pure.

Each call is billed by the unit that its service's price is stated in. A call without a rule is
refused: nothing that is used may go unpriced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from chalicelib.generation.catalogue import Catalogue
from chalicelib.ingest.receipts import MIN_PUT_BYTES

GIGABYTE = Decimal(1024**3)
TRANSACTED = 2
"""A write or read in a transaction takes two units.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

BY_CALL: Mapping[str, str | None] = {
    "bedrock-runtime:Converse": None,
    "bedrock-runtime:InvokeModel": None,
    "events:PutEvents": "eventbridge.event",
    "lambda:Invoke": None,
    "sagemaker-runtime:InvokeEndpoint": None,
    "sagemaker-runtime:InvokeEndpointAsync": None,
    "sagemaker-runtime:InvokeEndpointWithResponseStream": None,
    "s3:AbortMultipartUpload": None,
    "s3:CompleteMultipartUpload": "s3.put.request",
    "s3:CopyObject": "s3.put.request",
    "s3:CreateMultipartUpload": "s3.put.request",
    "s3:DeleteObject": None,
    "s3:DeleteObjects": None,
    "s3:GetObject": "s3.get.request",
    "s3:HeadObject": "s3.get.request",
    "s3:ListObjectVersions": "s3.put.request",
    "s3:ListObjectsV2": "s3.put.request",
    "s3:PostObject": "s3.put.request",
    "s3:PutObject": "s3.put.request",
    "s3:UploadPart": "s3.put.request",
    "s3:UploadPartCopy": "s3.put.request",
    "s3vectors:DeleteVectors": None,
    "s3vectors:GetVectors": None,
    "s3vectors:PutVectors": None,
    "s3vectors:QueryVectors": "s3vectors.query.request",
    "scheduler:CreateSchedule": None,
    "scheduler:DeleteSchedule": None,
    "scheduler:GetSchedule": None,
    "scheduler:UpdateSchedule": None,
    "sqs:DeleteMessage": "sqs.request",
    "sqs:DeleteMessageBatch": "sqs.request",
    "sqs:GetQueueAttributes": "sqs.request",
    "sqs:ReceiveMessage": "sqs.request",
    "sqs:SendMessage": "sqs.request",
    "sqs:SendMessageBatch": "sqs.request",
    "stepfunctions:DescribeExecution": None,
    "stepfunctions:StartExecution": None,
}
"""The unit of each call, None where it is free or counted by other means: what runs, by its time;
tokens, vectors and transitions, by their number.
"""

ITEM_ACTIONS: Mapping[str, str] = {
    "dynamodb:BatchGetItem": "dynamodb.read_request_unit",
    "dynamodb:ConditionCheckItem": "dynamodb.write_request_unit",
    "dynamodb:DeleteItem": "dynamodb.write_request_unit",
    "dynamodb:GetItem": "dynamodb.read_request_unit",
    "dynamodb:PutItem": "dynamodb.write_request_unit",
    "dynamodb:Query": "dynamodb.read_request_unit",
    "dynamodb:Scan": "dynamodb.read_request_unit",
    "dynamodb:UpdateItem": "dynamodb.write_request_unit",
}
"""The unit of each action on an item of at most 1 KB to write or 4 KB to read."""


STARTS_TRACE = (
    "apihandler",
    "executionended",
    "jobended",
    "objectcreated",
    "scheduledue",
    "sweep",
    "sweepjobs",
    "webhookdue",
)
"""Functions that are started from outside a trace, as the local cloud names them."""


class UnpricedCallError(ValueError):
    """Raised when a call has no pricing rule."""


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """Invocations and billed seconds of one function, and its memory in MB."""

    requests: int
    seconds: float
    memory_mb: int

    @property
    def gb_seconds(self) -> Decimal:
        """Return the billed gigabyte-seconds."""
        return Decimal(str(self.seconds)) * self.memory_mb / 1024


@dataclass(frozen=True, slots=True)
class CountedUsage:
    """Usage counted for `items` similar items together.

    `calls` are by `service:Operation`; `actions` are DynamoDB's, one for each item that a call
    touches, by `dynamodb:Action`. `objects` counts the objects that S3 told EventBridge of.
    `children` are the dollars that receipts state for Express executions, which no call starts.
    `scheduled` counts the invocations of EventBridge Scheduler.
    """

    items: int
    calls: Mapping[str, int]
    actions: Mapping[str, int]
    functions: Mapping[str, FunctionUse]
    api_requests: int = 0
    objects: int = 0
    scheduled: int = 0
    transitions: int = 0
    children: str = "0"
    vector_bytes: int = 0
    log_bytes: int = 0
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Tokens by their unit, such as `bedrock.amazon.nova-micro-v1:0.input_token`."""

    @property
    def traces(self) -> int:
        """Return the traces that X-Ray samples while there is less than a request a second.

        One for each run of a function that a request, a queue or a rule starts; what that run calls
        belongs to its trace. The authorizer's is its request's.
        https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
        """
        return sum(
            used.requests
            for name, used in self.functions.items()
            if any(name.startswith(f"headrace-{first}-") for first in STARTS_TRACE)
        )


@dataclass(frozen=True, slots=True)
class UsageBill:
    """Dollars for one item, by service."""

    by_service: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        """Return the total."""
        return sum(self.by_service.values(), Decimal(0))


def price_usage(used: CountedUsage, catalogue: Catalogue, architecture: str = "arm64") -> UsageBill:
    """Return what one item costs at list prices.

    Raises:
        UnpricedCallError: a call has no rule.
    """
    dollars: dict[str, Decimal] = {}
    for service, unit, quantity in _units(used, architecture):
        cost = catalogue.price(unit).dollars * quantity / used.items
        dollars[service] = dollars.get(service, Decimal(0)) + cost
    dollars["Step Functions"] += Decimal(used.children) / used.items
    return UsageBill({name: dollars[name] for name in sorted(dollars, key=lambda it: -dollars[it])})


def _units(used: CountedUsage, architecture: str) -> Iterator[tuple[str, str, Decimal]]:
    """Yield the service, the unit and the quantity of each billed line."""
    yield "API Gateway", "apigateway.request", Decimal(used.api_requests)
    for function in used.functions.values():
        yield "Lambda", "lambda.request", Decimal(function.requests)
        yield "Lambda", f"lambda.gb_second.{architecture}", function.gb_seconds
    yield "Step Functions", "stepfunctions.standard.transition", Decimal(used.transitions)
    puts = used.calls.get("s3vectors:PutVectors", 0)
    put_bytes = max(used.vector_bytes, puts * MIN_PUT_BYTES)
    yield "S3 Vectors", "s3vectors.put.gb", put_bytes / GIGABYTE
    yield "X-Ray", "xray.trace", Decimal(used.traces)
    yield "EventBridge", "eventbridge.event", Decimal(used.objects)
    yield "EventBridge", "scheduler.invocation", Decimal(used.scheduled)
    yield "CloudWatch Logs", "cloudwatch.logs.gb", used.log_bytes / GIGABYTE
    for unit, count in used.tokens.items():
        yield "Bedrock", unit, Decimal(count)
    yield from _calls(used)
    yield from _items(used)


_SERVICES: Mapping[str, str] = {
    "apigateway": "API Gateway",
    "eventbridge": "EventBridge",
    "s3": "S3",
    "s3vectors": "S3 Vectors",
    "sqs": "SQS",
}


def _calls(used: CountedUsage) -> Iterator[tuple[str, str, Decimal]]:
    for call, count in used.calls.items():
        if call.startswith("dynamodb:"):
            continue
        if call not in BY_CALL:
            raise UnpricedCallError(
                f"{call} was called and has no price; add it to infra/costs/usage.py."
            )
        unit = BY_CALL[call]
        if unit is not None:
            yield _SERVICES[unit.partition(".")[0]], unit, Decimal(count)


def _items(used: CountedUsage) -> Iterator[tuple[str, str, Decimal]]:
    for action, count in used.actions.items():
        if action not in ITEM_ACTIONS:
            raise UnpricedCallError(f"{action} has no price; add it to infra/costs/usage.py.")
        alone = min(count, used.calls.get(action, 0))
        units = alone + TRANSACTED * (count - alone)
        yield "DynamoDB", ITEM_ACTIONS[action], Decimal(units)

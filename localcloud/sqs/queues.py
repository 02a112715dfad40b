"""Queues: their names, URLs and attributes, with the checks of AWS.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcloud.errors import AwsError
from localcloud.service import CloudContext
from localcloud.sqs.errors import invalid_value, no_such_queue

MAX_MESSAGE_BYTES = 1_048_576
"""One MiB, for a message and for a batch."""

MAX_VISIBILITY_SECONDS = 43_200

_RANGES = {
    "DelaySeconds": (0, 900, "0"),
    "MaximumMessageSize": (1024, MAX_MESSAGE_BYTES, str(MAX_MESSAGE_BYTES)),
    "MessageRetentionPeriod": (60, 1_209_600, "345600"),
    "ReceiveMessageWaitTimeSeconds": (0, 20, "0"),
    "VisibilityTimeout": (0, MAX_VISIBILITY_SECONDS, "30"),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400, "300"),
}
_CHOICES = {
    "FifoQueue": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "SqsManagedSseEnabled": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_FIFO_ONLY = frozenset({"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"})
COMPUTED = frozenset(
    {
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
        "CreatedTimestamp",
        "LastModifiedTimestamp",
        "QueueArn",
    }
)
"""Attributes that SQS computes and nobody sets."""

READABLE = (
    COMPUTED | set(_RANGES) | set(_CHOICES) | {"KmsMasterKeyId", "Policy"}
    | {"RedrivePolicy", "RedriveAllowPolicy"}
)  # fmt: skip
"""Every attribute that GetQueueAttributes accepts."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue as it is stored. Times are seconds since the epoch."""

    id: int
    name: str
    arn: str
    attributes: Mapping[str, str]
    created_at: float
    modified_at: float

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return self.name.endswith(".fifo")

    def seconds(self, attribute: str) -> int:
        """Return a duration attribute in seconds (or MaximumMessageSize in bytes)."""
        return int(self.attributes.get(attribute, _RANGES[attribute][2]))

    @property
    def redrive(self) -> tuple[str, int] | None:
        """The ARN of the dead-letter queue and maxReceiveCount, None without a policy."""
        return redrive_policy(self.attributes)


def redrive_policy(attributes: Mapping[str, str]) -> tuple[str, int] | None:
    """Return the ARN and maxReceiveCount of the RedrivePolicy in `attributes`, or None."""
    policy = attributes.get("RedrivePolicy")
    if not policy:
        return None
    document = json.loads(policy)
    return document["deadLetterTargetArn"], int(document["maxReceiveCount"])


def check_name(name: str, attributes: Mapping[str, str]) -> None:
    """Raise AwsError unless `name` is a valid queue name that agrees with `FifoQueue`."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", name):
        raise invalid_value(
            name,
            "QueueName",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        )
    wants_fifo = attributes.get("FifoQueue") == "true"
    if wants_fifo and not name.endswith(".fifo"):
        raise invalid_value(name, "QueueName", "The name of a FIFO queue can only end with .fifo.")
    if name.endswith(".fifo") and not wants_fifo:
        raise invalid_value(
            name, "QueueName", "Only a queue with FifoQueue set to true may end with .fifo."
        )


def queue_name_in_url(context: CloudContext, url: str) -> str:
    """Return the queue name in `url`, whatever its host."""
    parts = urlsplit(url).path.strip("/").split("/")
    if len(parts) < 2:
        raise AwsError("InvalidAddress", f"The address {url} is not valid for this endpoint.")
    if parts[-2] != context.account_id:
        raise no_such_queue()
    return parts[-1]


def queue_url(context: CloudContext, name: str) -> str:
    """Return the URL of queue `name`."""
    return f"{context.endpoint_url.rstrip('/')}/{context.account_id}/{name}"


def check_attributes(attributes: Mapping[str, str], *, fifo: bool, creating: bool) -> None:
    """Raise AwsError unless every attribute may be set to its value on such a queue."""
    for name, value in attributes.items():
        if name not in READABLE or name in COMPUTED:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        if name in _FIFO_ONLY and not fifo:
            raise AwsError(
                "InvalidAttributeName",
                f"You can specify the {name} only when FifoQueue is set to true.",
            )
        _check_value(name, value)
    if "FifoQueue" in attributes and not creating:
        raise AwsError("InvalidAttributeName", "FifoQueue can be set only when a queue is created.")


def check_consistency(attributes: Mapping[str, str]) -> None:
    """Raise AwsError unless all `attributes` of a queue agree with each other."""
    per_group = attributes.get("FifoThroughputLimit") == "perMessageGroupId"
    if per_group and attributes.get("DeduplicationScope") != "messageGroup":
        raise _invalid_attribute("FifoThroughputLimit", "perMessageGroupId")
    if attributes.get("KmsMasterKeyId") and attributes.get("SqsManagedSseEnabled") == "true":
        raise AwsError(
            "InvalidAttributeValue",
            "You can use one type of server-side encryption (SSE) at one time. "
            "You can either enable KMS SSE or SQS SSE.",
        )


def _check_value(name: str, value: str) -> None:
    if name in _RANGES:
        low, high, _ = _RANGES[name]
        if not re.fullmatch(r"\d{1,9}", value) or not low <= int(value) <= high:
            raise _invalid_attribute(name, value)
    elif name in _CHOICES:
        if value not in _CHOICES[name]:
            raise _invalid_attribute(name, value)
    elif name in _DOCUMENT_CHECKS and value:
        _DOCUMENT_CHECKS[name](name, value)


def _invalid_attribute(name: str, value: str, reason: str = "") -> AwsError:
    suffix = f" Reason: {reason}" if reason else ""
    return AwsError(
        "InvalidAttributeValue", f"Invalid value {value} for the parameter {name}.{suffix}"
    )


def _parse_document(name: str, value: str) -> dict[str, object]:
    try:
        document = json.loads(value)
    except ValueError as error:
        raise _invalid_attribute(name, value, "Not valid JSON.") from error
    if not isinstance(document, dict):
        raise _invalid_attribute(name, value, "Not a JSON object.")
    return document


def _check_policy(name: str, value: str) -> None:
    _parse_document(name, value)


def _check_redrive_policy(name: str, value: str) -> None:
    document = _parse_document(name, value)
    arn, count = document.get("deadLetterTargetArn"), document.get("maxReceiveCount")
    if set(document) - {"deadLetterTargetArn", "maxReceiveCount"}:
        raise _invalid_attribute(
            name, value, "Only deadLetterTargetArn and maxReceiveCount are allowed."
        )
    if not isinstance(arn, str) or count is None:
        raise _invalid_attribute(
            name, value, "deadLetterTargetArn and maxReceiveCount are mandatory."
        )
    if not re.fullmatch(r"\d{1,4}", str(count)) or not 1 <= int(str(count)) <= 1000:
        raise _invalid_attribute(name, value, "maxReceiveCount must be an integer from 1 to 1000.")


def _check_redrive_allow_policy(name: str, value: str) -> None:
    document = _parse_document(name, value)
    permission, sources = document.get("redrivePermission"), document.get("sourceQueueArns")
    if set(document) - {"redrivePermission", "sourceQueueArns"}:
        raise _invalid_attribute(
            name, value, "Only redrivePermission and sourceQueueArns are allowed."
        )
    if permission not in ("allowAll", "denyAll", "byQueue"):
        raise _invalid_attribute(name, value, "redrivePermission is allowAll, denyAll or byQueue.")
    if (permission == "byQueue") != (sources is not None):
        raise _invalid_attribute(name, value, "sourceQueueArns belongs to byQueue, and to it only.")
    if sources is not None and not (isinstance(sources, list) and 1 <= len(sources) <= 10):
        raise _invalid_attribute(name, value, "sourceQueueArns takes 1 to 10 ARNs.")


_DOCUMENT_CHECKS: Mapping[str, Callable[[str, str], None]] = {
    "Policy": _check_policy,
    "RedrivePolicy": _check_redrive_policy,
    "RedriveAllowPolicy": _check_redrive_allow_policy,
}


def allows_source(allow_policy: str | None, source_arn: str) -> bool:
    """Return whether a dead-letter queue with `allow_policy` accepts those of `source_arn`."""
    if not allow_policy:
        return True
    document = json.loads(allow_policy)
    if document["redrivePermission"] == "byQueue":
        return source_arn in document["sourceQueueArns"]
    return bool(document["redrivePermission"] == "allowAll")

"""Messages to be sent: their checks, and messages that other services deliver.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.errors import AwsError
from localcloud.service import trace_header
from localcloud.sqs import message_attributes
from localcloud.sqs.errors import invalid, invalid_value, missing
from localcloud.sqs.queues import Queue

_FORBIDDEN_CHARACTERS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A checked message, ready to be stored. `delay` is in seconds."""

    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    system: Mapping[str, Mapping[str, Any]]
    delay: int
    group_id: str | None
    deduplication_id: str | None
    trace_header: str = field(default_factory=trace_header)

    @property
    def stored_system(self) -> Mapping[str, Mapping[str, Any]]:
        """The system attributes to store: the request's trace header, if no other is given."""
        header = {"DataType": "String", "StringValue": self.trace_header}
        return {"AWSTraceHeader": header, **self.system} if self.trace_header else self.system

    @property
    def size(self) -> int:
        """The size in bytes that MaximumMessageSize limits."""
        return len(self.body.encode()) + message_attributes.size(self.attributes)

    def result(self, message_id: str, sequence: str | None) -> dict[str, str]:
        """Return the result of SendMessage for this message."""
        members = {
            "MessageId": message_id,
            "MD5OfMessageBody": body_md5(self.body),
            "MD5OfMessageAttributes": message_attributes.md5(self.attributes),
            "MD5OfMessageSystemAttributes": message_attributes.md5(self.system),
            "SequenceNumber": sequence,
        }
        return {name: value for name, value in members.items() if value is not None}


def body_md5(body: str) -> str:
    """Return the MD5 of a message body in hexadecimal."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def check_message(queue: Queue, params: Mapping[str, Any]) -> OutgoingMessage:
    """Return the message in `params`, of SendMessage or a batch entry. Raises AwsError."""
    body = params.get("MessageBody")
    if not body:
        raise missing("MessageBody")
    if _FORBIDDEN_CHARACTERS.search(body):
        raise AwsError(
            "InvalidMessageContents", "Invalid characters found. Valid unicode characters are "
            "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )  # fmt: skip
    attributes = params.get("MessageAttributes") or {}
    system = params.get("MessageSystemAttributes") or {}
    message_attributes.check(attributes)
    message_attributes.check_system(system)
    group_id, deduplication_id = _fifo_ids(queue, params)
    delay = _delay(queue, params)
    message = OutgoingMessage(body, attributes, system, delay, group_id, deduplication_id)
    limit = queue.seconds("MaximumMessageSize")
    if message.size > limit:
        raise invalid(
            "One or more parameters are invalid. "
            f"Reason: Message must be shorter than {limit} bytes."
        )
    return message


def _delay(queue: Queue, params: Mapping[str, Any]) -> int:
    delay = params.get("DelaySeconds")
    if delay is None:
        return queue.seconds("DelaySeconds")
    if queue.fifo:
        raise invalid_value(
            delay,
            "DelaySeconds",
            "The request include parameter that is not valid for this queue type.",
        )
    if not 0 <= delay <= 900:
        raise invalid_value(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
    return int(delay)


def _fifo_ids(queue: Queue, params: Mapping[str, Any]) -> tuple[str | None, str | None]:
    group_id = params.get("MessageGroupId")
    deduplication_id = params.get("MessageDeduplicationId")
    for name, value in (
        ("MessageGroupId", group_id),
        ("MessageDeduplicationId", deduplication_id),
    ):
        if value is not None and not _FIFO_ID.fullmatch(value):
            raise invalid_value(
                value,
                name,
                f"{name} can only include alphanumeric and punctuation characters. "
                "1 to 128 in length.",
            )
    if not queue.fifo:
        if deduplication_id is not None:
            raise invalid_value(
                deduplication_id,
                "MessageDeduplicationId",
                "The request include parameter that is not valid for this queue type.",
            )
        return group_id, None
    if group_id is None:
        raise missing("MessageGroupId")
    return group_id, deduplication_id or _content_based_id(queue, params["MessageBody"])


def _content_based_id(queue: Queue, body: str) -> str:
    if queue.attributes.get("ContentBasedDeduplication") != "true":
        raise invalid(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return hashlib.sha256(body.encode()).hexdigest()


def delivery_body(payload: object, definition: Mapping[str, Any]) -> str:
    """Return the body of a delivered payload: its exact text if that is given, else JSON."""
    text = definition.get("PayloadText")
    if isinstance(text, str):
        return text
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def delivery_params(url: str, payload: object, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of SendMessage that deliver `payload` to the queue at `url`."""
    params: dict[str, Any] = {"QueueUrl": url, "MessageBody": delivery_body(payload, definition)}
    group_id = (definition.get("SqsParameters") or {}).get("MessageGroupId")
    if group_id:
        params["MessageGroupId"] = group_id
    if definition.get("MessageAttributes"):
        params["MessageAttributes"] = definition["MessageAttributes"]
    if url.endswith(".fifo") and definition.get("DeduplicationId"):
        params["MessageDeduplicationId"] = definition["DeduplicationId"]
    elif url.endswith(".fifo"):
        params["MessageDeduplicationId"] = str(uuid.uuid4())
    return params

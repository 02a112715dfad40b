"""What SendMessage checks before a message is stored.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.errors import AwsError
from localcloud.sqs import message_attributes
from localcloud.sqs.errors import invalid, invalid_value, missing
from localcloud.sqs.queues import Queue

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A checked message, ready to be stored."""

    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    system: Mapping[str, Mapping[str, Any]]
    delay: int
    group: str | None
    deduplication: str | None

    @property
    def size(self) -> int:
        """Return the bytes that count against MaximumMessageSize."""
        return len(self.body.encode()) + message_attributes.size(self.attributes)

    def receipt(self, message_id: str, sequence: str | None) -> dict[str, str]:
        """Return what SendMessage answers for this message."""
        answer = {
            "MessageId": message_id,
            "MD5OfMessageBody": md5_of(self.body),
            "MD5OfMessageAttributes": message_attributes.md5(self.attributes),
            "MD5OfMessageSystemAttributes": message_attributes.md5(self.system),
            "SequenceNumber": sequence,
        }
        return {name: value for name, value in answer.items() if value is not None}


def md5_of(body: str) -> str:
    """Return the MD5 of a message body in hexadecimal."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def check(queue: Queue, params: Mapping[str, Any]) -> Outgoing:
    """Return the message that `params` (of SendMessage or a batch entry) describes, or raise."""
    body = params.get("MessageBody")
    if not body:
        raise missing("MessageBody")
    if _FORBIDDEN.search(body):
        raise AwsError(
            "InvalidMessageContents", "Invalid characters found. Valid unicode characters are "
            "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )  # fmt: skip
    attributes = params.get("MessageAttributes") or {}
    system = params.get("MessageSystemAttributes") or {}
    message_attributes.check(attributes)
    message_attributes.check_system(system)
    group, deduplication = _fifo_ids(queue, params)
    message = Outgoing(body, attributes, system, _delay(queue, params), group, deduplication)
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
    group = params.get("MessageGroupId")
    deduplication = params.get("MessageDeduplicationId")
    for name, value in (
        ("MessageGroupId", group),
        ("MessageDeduplicationId", deduplication),
    ):
        if value is not None and not _ID.fullmatch(value):
            raise invalid_value(
                value,
                name,
                f"{name} can only include alphanumeric and punctuation characters. "
                "1 to 128 in length.",
            )
    if not queue.fifo:
        if deduplication is not None:
            raise invalid_value(
                deduplication,
                "MessageDeduplicationId",
                "The request include parameter that is not valid for this queue type.",
            )
        return group, None
    if group is None:
        raise missing("MessageGroupId")
    return group, deduplication or _content_id(queue, params["MessageBody"])


def _content_id(queue: Queue, body: str) -> str:
    if queue.attributes.get("ContentBasedDeduplication") != "true":
        raise invalid(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )
    return hashlib.sha256(body.encode()).hexdigest()

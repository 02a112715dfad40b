"""SQS messages as a function sees them, and what its answer says about each. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]
"""A message as ReceiveMessage returns it."""

MAX_BATCH_BYTES = 6 * 1024 * 1024
_ENVELOPE = 32


def record(message: Message, queue_arn: str) -> dict[str, Any]:
    """Return `message` in the shape of an SQS event record."""
    shaped: dict[str, Any] = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {key: str(value) for key, value in message.get("Attributes", {}).items()},
        "messageAttributes": {
            name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
    }
    if "MD5OfMessageAttributes" in message:
        shaped["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return {
        **shaped,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        shaped["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shaped["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return {**shaped, "dataType": value["DataType"]}


def filterable(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as filter patterns see it: its body as JSON when it is JSON."""
    try:
        return {**one, "body": json.loads(one["body"])}
    except ValueError:
        return dict(one)


def payloads(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[bytes, list[str]]]:
    """Yield events, each within the payload limit, with the message ids that are in it."""
    texts: list[str] = []
    ids: list[str] = []
    size = _ENVELOPE
    for one in records:
        text = json.dumps(one, ensure_ascii=False)
        length = len(text.encode()) + 2
        if texts and size + length > MAX_BATCH_BYTES:
            yield _event(texts), ids
            texts, ids, size = [], [], _ENVELOPE
        texts.append(text)
        ids.append(one["messageId"])
        size += length
    if texts:
        yield _event(texts), ids


def _event(texts: list[str]) -> bytes:
    return f'{{"Records": [{", ".join(texts)}]}}'.encode()


def failed_ids(response: bytes, batch: Sequence[str]) -> frozenset[str]:
    """Return the messages that a partial batch response reports as failed.

    No list, null or an empty answer means success of all; an answer that is not of the right
    form, or names a message that is not in the batch, means failure of all.
    """
    everything = frozenset(batch)
    try:
        answer = json.loads(response or b"null")
    except ValueError:
        return everything
    if answer is None or answer == "":
        return frozenset()
    if not isinstance(answer, dict):
        return everything
    failures = answer.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        return everything
    named = [each.get("itemIdentifier") if isinstance(each, dict) else None for each in failures]
    known = [each for each in named if isinstance(each, str) and each in everything]
    return frozenset(known) if len(known) == len(named) else everything

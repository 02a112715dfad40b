"""Records of SQS messages for a function, and partial batch responses. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localcloud.lambdas.lineage import lineage

SqsMessage = Mapping[str, Any]
"""A message as ReceiveMessage returns it."""

MAX_BATCH_BYTES = 6 * 1024 * 1024
_ENVELOPE_BYTES = 32


def sqs_record(message: SqsMessage, queue_arn: str) -> dict[str, Any]:
    """Return `message` as a record of an SQS event."""
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


def filterable_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as filter patterns see it: with its body parsed, if it is JSON."""
    try:
        return {**record, "body": json.loads(record["body"])}
    except ValueError:
        return dict(record)


def batches(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[bytes, list[str], str]]:
    """Yield payloads, each with the ids of its messages and a trace header with their lineage.

    A function that runs in a chain of events runs for the messages of that chain alone, so that
    a loop does not stop messages that have nothing to do with it.
    """
    headers: dict[str, str] = {}
    chains: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        header = str(record["attributes"].get("AWSTraceHeader", ""))
        chain = lineage(header)
        headers.setdefault(chain, header)
        chains.setdefault(chain, []).append(record)
    for chain, members in chains.items():
        for payload, ids in batch_payloads(members):
            yield payload, ids, headers[chain]


def batch_payloads(records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[bytes, list[str]]]:
    """Yield payloads within the size limit, each with the ids of its messages."""
    texts: list[str] = []
    ids: list[str] = []
    size = _ENVELOPE_BYTES
    for record in records:
        text = json.dumps(record, ensure_ascii=False)
        length = len(text.encode()) + 2
        if texts and size + length > MAX_BATCH_BYTES:
            yield _event(texts), ids
            texts, ids, size = [], [], _ENVELOPE_BYTES
        texts.append(text)
        ids.append(record["messageId"])
        size += length
    if texts:
        yield _event(texts), ids


def _event(texts: list[str]) -> bytes:
    return f'{{"Records": [{", ".join(texts)}]}}'.encode()


def failed_message_ids(response: bytes, batch: Sequence[str]) -> frozenset[str]:
    """Return the messages that a partial batch response reports as failed.

    A response that is null, empty or without the list means that all succeeded. A malformed
    one, or one that names a message that is not in the batch, means that all failed.
    """
    everything = frozenset(batch)
    try:
        document = json.loads(response or b"null")
    except ValueError:
        return everything
    if document is None or document == "":
        return frozenset()
    if not isinstance(document, dict):
        return everything
    failures = document.get("batchItemFailures")
    if failures is None:
        return frozenset()
    if not isinstance(failures, list):
        return everything
    named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in failures]
    known = [item for item in named if isinstance(item, str) and item in everything]
    return frozenset(known) if len(known) == len(named) else everything

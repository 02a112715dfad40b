"""SQS records and partial batch responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.lambdas.event_sources.records import (
    MAX_BATCH_BYTES,
    batch_payloads,
    failed_message_ids,
    filterable_record,
    sqs_record,
)

_ARN = "arn:aws:sqs:eu-west-1:000000000000:work"
_IDS = ["a", "b", "c"]


def test_a_record_has_the_shape_of_aws() -> None:
    message = {
        "MessageId": "m1",
        "ReceiptHandle": "r1",
        "Body": "hello",
        "MD5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "Attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"},
        "MessageAttributes": {
            "text": {"DataType": "String", "StringValue": "x"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00"},
        },
    }
    assert sqs_record(message, _ARN) == {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": "hello",
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1"},
        "messageAttributes": {
            "text": {
                "stringValue": "x",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            },
            "raw": {
                "binaryValue": "AA==",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "Binary",
            },
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "eventSource": "aws:sqs",
        "eventSourceARN": _ARN,
        "awsRegion": "eu-west-1",
    }


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        (None, []),
        ({}, []),
        ("", []),
        ({"batchItemFailures": None}, []),
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, _IDS),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, _IDS),
        ({"batchItemFailures": [{"id": "b"}]}, _IDS),
        ({"batchItemFailures": ["b"]}, _IDS),
        ({"batchItemFailures": [{"itemIdentifier": "zz"}]}, _IDS),
        ({"batchItemFailures": "b"}, _IDS),
        ([1], _IDS),
    ],
)
def test_a_partial_response_is_read_as_aws_reads_it(response: Any, failed: list[str]) -> None:
    assert failed_message_ids(json.dumps(response).encode(), _IDS) == frozenset(failed)


@given(st.binary())
def test_no_response_at_all_can_break_the_reading(response: bytes) -> None:
    assert failed_message_ids(response, _IDS) <= frozenset(_IDS)


@given(st.lists(st.text(max_size=50), max_size=20))
def test_every_message_is_in_exactly_one_event(bodies: list[str]) -> None:
    records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    events = [(json.loads(payload)["Records"], ids) for payload, ids in batch_payloads(records)]
    assert [each for event, _ in events for each in event] == records
    assert [each for _, ids in events for each in ids] == [each["messageId"] for each in records]


def test_a_batch_over_the_payload_limit_is_split() -> None:
    records = [{"messageId": str(n), "body": "x" * 1_000_000} for n in range(10)]
    events = list(batch_payloads(records))
    assert len(events) == 2
    assert all(len(payload) <= MAX_BATCH_BYTES for payload, _ in events)


def test_a_filter_sees_a_json_body_as_json_and_other_text_as_text() -> None:
    assert filterable_record({"body": '{"a": 1}'}) == {"body": {"a": 1}}
    assert filterable_record({"body": "plain"}) == {"body": "plain"}

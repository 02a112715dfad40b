"""Messages: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/."""

from __future__ import annotations

import json
import threading
import time

import pytest

from tests.unit.sqs.conftest import Desk
from tests.unit.timing import MovableClock, refused


def test_what_is_sent_is_received_with_its_md5(desk: Desk) -> None:
    """API_SendMessage.html"""
    url = desk.queue()
    sent = desk.send(url, "This is a test message")
    assert sent["MD5OfMessageBody"] == "fafb00f5732ab283681e124bf8747ed1"
    (message,) = desk.receive(url)
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["Attributes"] == {
        "SenderId": "000000000000",
        "SentTimestamp": "1800000000000",
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": "1800000000000",
    }


def test_attribute_md5_is_computed_as_aws_does(desk: Desk) -> None:
    """sqs-message-metadata.html: the value that AWS answers for this attribute."""
    url = desk.queue()
    attributes = {"timestamp": {"StringValue": "1493147359900", "DataType": "Number"}}
    sent = desk.send(url, MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == "235c5c510d26fb653d073faed50ae77c"


def test_message_attributes_come_back_when_asked_for(desk: Desk) -> None:
    """API_ReceiveMessage.html: MessageAttributeNames takes names, `prefix.*` and All."""
    url = desk.queue()
    attributes = {
        "trace.id": {"DataType": "String", "StringValue": "t"},
        "trace.hop": {"DataType": "Number.int", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    desk.send(url, MessageAttributes=attributes)

    def names(*wanted: str) -> set[str]:
        (message,) = desk.receive(url, VisibilityTimeout=0, MessageAttributeNames=list(wanted))
        return set(message.get("MessageAttributes", {}))

    assert names() == set()
    assert names("raw", "none") == {"raw"}
    assert names("trace.*") == {"trace.id", "trace.hop"}
    assert names("All") == names(".*") == set(attributes)
    (message,) = desk.receive(url, MessageAttributeNames=["raw"])
    assert message["MessageAttributes"]["raw"] == attributes["raw"]


@pytest.mark.parametrize(
    "attribute",
    [
        {"DataType": "Text", "StringValue": "x"},
        {"DataType": "String", "StringValue": ""},
        {"DataType": "String"},
        {"DataType": "Number", "StringValue": "seven"},
        {"DataType": "Number", "StringValue": "NaN"},
        {"DataType": "Binary", "StringValue": "x"},
        {"DataType": "String", "StringValue": "x", "StringListValues": ["x"]},
    ],
)
def test_a_bad_message_attribute_is_refused(desk: Desk, attribute: dict[str, object]) -> None:
    """sqs-message-metadata.html"""
    url = desk.queue()
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageAttributes={"a": attribute})


@pytest.mark.parametrize("name", ["AWS.x", "amazon.x", ".a", "a.", "a..b", "a b", "x" * 257])
def test_a_bad_message_attribute_name_is_refused(desk: Desk, name: str) -> None:
    """sqs-message-metadata.html"""
    url = desk.queue()
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageAttributes={name: {"DataType": "String", "StringValue": "x"}})


def test_more_than_ten_attributes_are_refused(desk: Desk) -> None:
    """sqs-message-metadata.html: up to 10 attributes."""
    url = desk.queue()
    many = {f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(11)}
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageAttributes=many)


def test_only_the_trace_header_is_a_system_attribute(desk: Desk) -> None:
    """API_SendMessage.html: MessageSystemAttributes."""
    url = desk.queue()
    header = {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}
    desk.send(url, MessageSystemAttributes={"AWSTraceHeader": header})
    (message,) = desk.receive(url)
    assert message["Attributes"]["AWSTraceHeader"] == header["StringValue"]
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageSystemAttributes={"Other": header})


def test_size_counts_body_and_attributes_up_to_one_mebibyte(desk: Desk) -> None:
    """quotas-messages.html: 1 MiB, with attributes."""
    url = desk.queue()
    desk.send(url, "x" * 1_048_576)
    with refused("InvalidParameterValueException"):
        desk.send(url, "x" * 1_048_577)
    attribute = {"n": {"DataType": "String", "StringValue": "v"}}
    desk.send(url, "x" * (1_048_576 - 8), MessageAttributes=attribute)
    with refused("InvalidParameterValueException"):
        desk.send(url, "x" * (1_048_576 - 7), MessageAttributes=attribute)
    small = desk.queue("small", MaximumMessageSize="1024")
    with refused("InvalidParameterValueException"):
        desk.send(small, "é" * 513)


def test_empty_and_unprintable_bodies_are_refused(desk: Desk) -> None:
    """API_SendMessage.html"""
    url = desk.queue()
    with refused("MissingRequiredParameterException"):
        desk.send(url, "")
    with refused("InvalidMessageContents"):
        desk.send(url, "\x00")
    assert desk.send(url, "tab\t line\n emoji 🎈")


def test_delays_come_from_the_message_or_the_queue(desk: Desk, clock: MovableClock) -> None:
    """sqs-delay-queues.html, sqs-message-timers.html"""
    url = desk.queue(DelaySeconds="10")
    desk.send(url, "queue")
    desk.send(url, "own", DelaySeconds=0)
    assert desk.bodies(url) == ["own"]
    assert desk.attributes(url)["ApproximateNumberOfMessagesDelayed"] == "1"
    clock.advance(10)
    assert desk.bodies(url) == ["queue"]
    with refused("InvalidParameterValueException"):
        desk.send(url, DelaySeconds=901)


def test_counts_tell_visible_delayed_and_in_flight(desk: Desk) -> None:
    """API_GetQueueAttributes.html"""
    url = desk.queue()
    for _ in range(3):
        desk.send(url)
    desk.send(url, DelaySeconds=5)
    desk.receive(url, MaxNumberOfMessages=1)
    attributes = desk.attributes(url)
    assert attributes["ApproximateNumberOfMessages"] == "2"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_messages_expire_after_the_retention_period(desk: Desk, clock: MovableClock) -> None:
    """API_SetQueueAttributes.html: MessageRetentionPeriod."""
    url = desk.queue(MessageRetentionPeriod="60")
    desk.send(url)
    clock.advance(61)
    assert desk.attributes(url)["ApproximateNumberOfMessages"] == "0"
    assert desk.receive(url) == []


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(
    desk: Desk, clock: MovableClock
) -> None:
    """sqs-dead-letter-queues.html: moved when the count exceeds maxReceiveCount, age kept."""
    dead = desk.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": desk.arn(dead), "maxReceiveCount": 2})
    url = desk.queue(VisibilityTimeout="1", RedrivePolicy=policy)
    sent = desk.send(url)
    for _ in range(2):
        assert len(desk.receive(url)) == 1
        clock.advance(2)
    assert desk.receive(url) == []
    (message,) = desk.receive(dead)
    assert message["MessageId"] == sent["MessageId"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == desk.arn(url)
    assert message["Attributes"]["SentTimestamp"] == "1800000000000"
    assert message["Attributes"]["ApproximateReceiveCount"] == "3"


def test_burying_leaves_room_for_the_messages_behind(desk: Desk, clock: MovableClock) -> None:
    """sqs-dead-letter-queues.html: one receive moves the dead and returns the living."""
    dead = desk.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": desk.arn(dead), "maxReceiveCount": 1})
    url = desk.queue(VisibilityTimeout="1", RedrivePolicy=policy)
    desk.send(url, "poison")
    desk.receive(url)
    clock.advance(2)
    desk.send(url, "good")
    assert desk.bodies(url, MaxNumberOfMessages=1) == ["good"]
    assert desk.bodies(dead) == ["poison"]


def test_a_batch_reports_each_entry(desk: Desk) -> None:
    """API_SendMessageBatch.html"""
    url = desk.queue()
    result = desk.sqs.send_message_batch(
        {
            "QueueUrl": url,
            "Entries": [
                {"Id": "good", "MessageBody": "a"},
                {"Id": "bad", "MessageBody": "\x01"},
                {"Id": "late", "MessageBody": "b", "DelaySeconds": 5},
                {
                    "Id": "odd",
                    "MessageBody": "c",
                    "MessageAttributes": {"a": {"DataType": "String"}},
                },
            ],
        }
    )
    assert [entry["Id"] for entry in result["Successful"]] == ["good", "late"]
    failed, odd = result["Failed"]
    assert (odd["Id"], odd["Code"]) == ("odd", "InvalidParameterValue")
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == (
        "bad",
        "InvalidMessageContents",
        True,
    )
    assert desk.bodies(url) == ["a"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([{"Id": str(n), "MessageBody": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
        (
            [{"Id": str(n), "MessageBody": "x" * 600_000} for n in range(2)],
            "BatchRequestTooLong",
        ),
    ],
)
def test_a_bad_batch_is_refused_whole(desk: Desk, entries: list[dict[str, str]], code: str) -> None:
    """API_SendMessageBatch.html"""
    url = desk.queue()
    with refused(code):
        desk.sqs.send_message_batch({"QueueUrl": url, "Entries": entries})
    assert desk.receive(url) == []


def test_batches_delete_and_change_visibility(desk: Desk) -> None:
    """API_DeleteMessageBatch.html, API_ChangeMessageVisibilityBatch.html"""
    url = desk.queue()
    for _ in range(2):
        desk.send(url)
    handles = [message["ReceiptHandle"] for message in desk.receive(url)]
    changed = desk.sqs.change_message_visibility_batch(
        {
            "QueueUrl": url,
            "Entries": [
                {"Id": "0", "ReceiptHandle": handles[0], "VisibilityTimeout": 0},
                {"Id": "1", "ReceiptHandle": "garbage", "VisibilityTimeout": 0},
            ],
        }
    )
    assert changed["Successful"] == [{"Id": "0"}]
    assert changed["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
    (again,) = desk.receive(url)
    deleted = desk.sqs.delete_message_batch(
        {
            "QueueUrl": url,
            "Entries": [
                {"Id": "0", "ReceiptHandle": again["ReceiptHandle"]},
                {"Id": "1", "ReceiptHandle": handles[1]},
            ],
        }
    )
    assert deleted == {"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []}
    assert desk.attributes(url)["ApproximateNumberOfMessagesNotVisible"] == "0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MaxNumberOfMessages", 0),
        ("MaxNumberOfMessages", 11),
        ("WaitTimeSeconds", 21),
        ("VisibilityTimeout", 43_201),
        ("ReceiveRequestAttemptId", "a"),
    ],
)
def test_a_receive_out_of_range_is_refused(desk: Desk, name: str, value: object) -> None:
    """API_ReceiveMessage.html"""
    url = desk.queue()
    with refused("InvalidParameterValueException"):
        desk.receive(url, **{name: value})


def test_an_unknown_system_attribute_is_refused(desk: Desk) -> None:
    """API_ReceiveMessage.html: InvalidAttributeName."""
    url = desk.queue()
    with refused("InvalidAttributeName"):
        desk.receive(url, MessageSystemAttributeNames=["Colour"])


def test_a_long_poll_wakes_as_soon_as_a_message_is_sent(desk: Desk) -> None:
    """sqs-short-and-long-polling.html"""
    url = desk.queue()
    received: list[str] = []
    poller = threading.Thread(target=lambda: received.extend(desk.bodies(url, WaitTimeSeconds=20)))
    poller.start()
    desk.send(url, "now")
    poller.join(10)
    assert received == ["now"]


def test_a_long_poll_ends_when_the_service_stops(desk: Desk) -> None:
    """sqs-short-and-long-polling.html"""
    url = desk.queue()
    started = time.monotonic()
    poller = threading.Thread(target=lambda: desk.receive(url, WaitTimeSeconds=20))
    poller.start()
    desk.sqs.stop()
    poller.join(10)
    assert not poller.is_alive()
    assert time.monotonic() - started < 20


def test_a_long_poll_sees_a_message_whose_visibility_ends_meanwhile(
    desk: Desk, clock: MovableClock
) -> None:
    """sqs-short-and-long-polling.html"""
    url = desk.queue()
    desk.send(url, "later", DelaySeconds=100)
    received: list[str] = []
    poller = threading.Thread(target=lambda: received.extend(desk.bodies(url, WaitTimeSeconds=20)))
    poller.start()
    clock.advance(101)
    desk.sqs.wake()
    poller.join(10)
    assert received == ["later"]


def test_a_delivery_keeps_the_exact_text_and_the_attributes(desk: Desk) -> None:
    """eventbridge/latest/userguide/eb-rule-dlq.html: the dead letter's attributes."""
    url = desk.queue()
    attributes = {"RULE_ARN": {"DataType": "String", "StringValue": "arn"}}
    desk.sqs.deliver(
        desk.arn(url), {"a": 1}, {"PayloadText": '{ "a": 1 }', "MessageAttributes": attributes}
    )
    desk.sqs.deliver(desk.arn(url), {"a": "é"}, {})
    exact, compact = desk.receive(url, MessageAttributeNames=["All"])
    assert exact["Body"] == '{ "a": 1 }'
    assert exact["MessageAttributes"] == attributes
    assert compact["Body"] == '{"a":"é"}'
    with refused("QueueDoesNotExist"):
        desk.sqs.deliver("arn:aws:sqs:us-east-1:000000000000:none", {}, {})

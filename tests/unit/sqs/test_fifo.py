"""FIFO: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.soak import often
from tests.unit.sqs.conftest import Desk
from tests.unit.timing import MovableClock, refused


@pytest.fixture
def url(desk: Desk) -> str:
    return desk.queue("work.fifo", FifoQueue="true", VisibilityTimeout="30")


def put(desk: Desk, url: str, group: str, body: str, **more: str) -> dict[str, Any]:
    more.setdefault("MessageDeduplicationId", f"{group}-{body}")
    return desk.send(url, body, MessageGroupId=group, **more)


def test_group_and_deduplication_ids_are_required(desk: Desk, url: str) -> None:
    """FIFO-queues-understanding-logic.html"""
    with refused("MissingRequiredParameterException"):
        desk.send(url, MessageDeduplicationId="1")
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageGroupId="g")
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageGroupId="a b", MessageDeduplicationId="1")
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageGroupId="g", MessageDeduplicationId="1", DelaySeconds=1)


def test_a_standard_queue_takes_a_group_but_no_deduplication_id(desk: Desk) -> None:
    """sqs-fair-queues.html; API_SendMessage.html"""
    url = desk.queue("standard")
    desk.send(url, MessageGroupId="tenant")
    assert desk.receive(url)[0]["Attributes"]["MessageGroupId"] == "tenant"
    with refused("InvalidParameterValueException"):
        desk.send(url, MessageDeduplicationId="1")


def test_messages_of_a_group_come_in_order_in_one_receive(desk: Desk, url: str) -> None:
    """FIFO-queues-understanding-logic.html: as many of the same group as possible."""
    sent = [put(desk, url, "g", body) for body in "abc"]
    received = desk.receive(url)
    assert [message["Body"] for message in received] == ["a", "b", "c"]
    numbers = [message["Attributes"]["SequenceNumber"] for message in received]
    assert numbers == [item["SequenceNumber"] for item in sent] == sorted(numbers)
    assert all(len(number) == 20 for number in numbers)
    assert received[0]["Attributes"]["MessageDeduplicationId"] == "g-a"


def test_a_group_waits_while_one_of_its_messages_is_in_flight(desk: Desk, url: str) -> None:
    """FIFO-queues-understanding-logic.html"""
    for body in "ab":
        put(desk, url, "g", body)
    put(desk, url, "h", "c")
    (first,) = desk.receive(url, MaxNumberOfMessages=1)
    assert desk.bodies(url) == ["c"]
    desk.delete(url, first)
    assert desk.bodies(url) == ["b"]


def test_a_failed_message_comes_again_before_its_followers(
    desk: Desk, url: str, clock: MovableClock
) -> None:
    """FIFO-queues-understanding-logic.html"""
    for body in "ab":
        put(desk, url, "g", body)
    assert desk.bodies(url, MaxNumberOfMessages=1) == ["a"]
    clock.advance(31)
    assert desk.bodies(url) == ["a", "b"]


def test_a_late_delete_is_refused(desk: Desk, url: str, clock: MovableClock) -> None:
    """API_DeleteMessage.html: a FIFO handle expires with the visibility timeout."""
    put(desk, url, "g", "a")
    (message,) = desk.receive(url)
    clock.advance(31)
    with refused("InvalidParameterValueException"):
        desk.delete(url, message)


def test_a_duplicate_within_five_minutes_is_accepted_and_not_delivered(
    desk: Desk, url: str, clock: MovableClock
) -> None:
    """using-messagededuplicationid-property.html: also after the first one was deleted."""
    first = put(desk, url, "g", "a", MessageDeduplicationId="x")
    desk.delete(url, desk.receive(url)[0])
    clock.advance(299)
    second = put(desk, url, "h", "b", MessageDeduplicationId="x")
    assert (second["MessageId"], second["SequenceNumber"]) == (
        first["MessageId"],
        first["SequenceNumber"],
    )
    assert desk.receive(url) == []
    clock.advance(2)
    put(desk, url, "g", "c", MessageDeduplicationId="x")
    assert desk.bodies(url) == ["c"]


def test_content_based_deduplication_hashes_the_body(desk: Desk) -> None:
    """FIFO-queues-exactly-once-processing.html"""
    url = desk.queue("hash.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for body in ("a", "a", "b"):
        desk.send(url, body, MessageGroupId="g")
    assert desk.bodies(url) == ["a", "b"]


def test_deduplication_may_be_scoped_to_the_group(desk: Desk) -> None:
    """high-throughput-fifo.html"""
    url = desk.queue(
        "fast.fifo",
        FifoQueue="true",
        DeduplicationScope="messageGroup",
        FifoThroughputLimit="perMessageGroupId",
    )
    for group in ("g", "h", "g"):
        put(desk, url, group, group, MessageDeduplicationId="x")
    assert desk.bodies(url) == ["g", "h"]
    with refused("InvalidAttributeValue"):
        desk.queue("odd.fifo", FifoQueue="true", FifoThroughputLimit="perMessageGroupId")


def test_a_receive_may_be_repeated_by_its_attempt_id(
    desk: Desk, url: str, clock: MovableClock
) -> None:
    """using-receiverequestattemptid-request-parameter.html"""
    put(desk, url, "g", "a")
    (first,) = desk.receive(url, ReceiveRequestAttemptId="try")
    clock.advance(20)
    (again,) = desk.receive(url, ReceiveRequestAttemptId="try")
    assert again["ReceiptHandle"] == first["ReceiptHandle"]
    clock.advance(20)
    desk.delete(url, again)
    assert desk.receive(url, ReceiveRequestAttemptId="try") == []


def test_a_poisoned_message_frees_its_group(desk: Desk, clock: MovableClock) -> None:
    """sqs-dead-letter-queues.html"""
    dead = desk.queue("dead.fifo", FifoQueue="true")
    policy = json.dumps({"deadLetterTargetArn": desk.arn(dead), "maxReceiveCount": 1})
    url = desk.queue("work.fifo", FifoQueue="true", RedrivePolicy=policy)
    for body in "ab":
        put(desk, url, "g", body)
    assert desk.bodies(url, MaxNumberOfMessages=1) == ["a"]
    clock.advance(31)
    assert desk.bodies(url, MaxNumberOfMessages=1) == ["b"]
    (message,) = desk.receive(dead)
    assert (message["Body"], message["Attributes"]["MessageGroupId"]) == ("a", "g")


@settings(
    max_examples=often(25, 6),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    groups=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    keep=st.lists(st.booleans(), min_size=1, max_size=8),
)
def test_every_group_is_consumed_in_order_whatever_fails(
    desk: Desk, clock: MovableClock, groups: list[str], sizes: list[int], keep: list[bool]
) -> None:
    """FIFO-queues-understanding-logic.html"""
    url = desk.queue(f"q{clock.now:.0f}.fifo", FifoQueue="true", VisibilityTimeout="5")
    for number, group in enumerate(groups):
        put(desk, url, group, f"{number:02d}")
    done: dict[str, list[str]] = {}
    step = 0
    while sum(map(len, done.values())) < len(groups):
        received = desk.receive(url, MaxNumberOfMessages=sizes[step % len(sizes)])
        if step > 60 or keep[step % len(keep)]:
            for message in received:
                desk.delete(url, message)
                group = message["Attributes"]["MessageGroupId"]
                done.setdefault(group, []).append(message["Body"])
        clock.advance(6)
        step += 1
    assert done == {
        group: [f"{n:02d}" for n, other in enumerate(groups) if other == group]
        for group in set(groups)
    }

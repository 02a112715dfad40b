"""Visibility of messages, and the handles of what was received.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

from tests.unit.sqs.conftest import Desk
from tests.unit.timing import MovableClock, refused


def test_a_received_message_hides_until_its_visibility_ends(
    desk: Desk, clock: MovableClock
) -> None:
    """sqs-visibility-timeout.html"""
    url = desk.queue(VisibilityTimeout="10")
    desk.send(url)
    assert len(desk.receive(url)) == 1
    clock.advance(9.9)
    assert desk.receive(url) == []
    clock.advance(0.2)
    (again,) = desk.receive(url, VisibilityTimeout=60)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["Attributes"]["ApproximateFirstReceiveTimestamp"] == "1800000000000"
    clock.advance(59)
    assert desk.receive(url) == []


def test_visibility_and_receive_count_survive_a_restart(desk: Desk, clock: MovableClock) -> None:
    """sqs-visibility-timeout.html"""
    url = desk.queue(VisibilityTimeout="10")
    desk.send(url)
    (message,) = desk.receive(url)
    desk.reopen()
    assert desk.receive(url) == []
    clock.advance(11)
    (again,) = desk.receive(url)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    desk.reopen()
    desk.delete(url, again)
    clock.advance(11)
    assert desk.receive(url) == []
    assert message["ReceiptHandle"] != again["ReceiptHandle"]


def test_what_a_killed_poller_held_is_given_back_as_though_it_had_not_been_received(
    desk: Desk, clock: MovableClock
) -> None:
    url, other = desk.queue(VisibilityTimeout="600"), desk.queue("other", VisibilityTimeout="600")
    desk.send(url, "held")
    desk.send(url, "delayed", DelaySeconds=60)
    desk.send(other, "of another")
    (held,) = desk.receive(url)
    desk.receive(other)
    desk.reopen()
    desk.sqs.release_in_flight(desk.arn(url))
    (again,) = desk.receive(url)
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("held", "1")
    assert again["ReceiptHandle"] != held["ReceiptHandle"]
    assert desk.receive(other) == []
    desk.sqs.release_in_flight("arn:aws:sqs:us-east-1:000000000000:gone")
    desk.delete(url, again)
    clock.advance(61)
    assert desk.bodies(url) == ["delayed"]


def test_what_a_killed_receiver_had_hidden_until_later_stays_hidden(
    desk: Desk, clock: MovableClock
) -> None:
    """A retry that waits for hours is not due because the cloud was started again."""
    url = desk.queue(VisibilityTimeout="60")
    desk.send(url, "later")
    (held,) = desk.receive(url)
    clock.advance(5)
    desk.sqs.change_message_visibility(
        {"QueueUrl": url, "ReceiptHandle": held["ReceiptHandle"], "VisibilityTimeout": 3600}
    )
    desk.reopen()
    desk.sqs.release_in_flight(desk.arn(url))
    assert desk.receive(url) == []
    clock.advance(3601)
    (again,) = desk.receive(url)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_deleting_with_a_former_handle_succeeds_and_deletes_nothing(
    desk: Desk, clock: MovableClock
) -> None:
    """API_DeleteMessage.html: the most recent handle, else the request succeeds without effect."""
    url = desk.queue(VisibilityTimeout="1")
    desk.send(url)
    (first,) = desk.receive(url)
    clock.advance(2)
    (second,) = desk.receive(url)
    desk.delete(url, first)
    clock.advance(2)
    assert len(desk.receive(url)) == 1
    desk.delete(url, second)
    clock.advance(2)
    (last,) = desk.receive(url)
    desk.delete(url, last)
    desk.delete(url, last)


def test_a_late_handle_still_deletes_a_message_nobody_received_since(
    desk: Desk, clock: MovableClock
) -> None:
    """API_DeleteMessage.html"""
    url = desk.queue(VisibilityTimeout="1")
    desk.send(url)
    (message,) = desk.receive(url)
    clock.advance(5)
    desk.delete(url, message)
    assert desk.receive(url) == []


def test_a_handle_of_no_receive_is_refused(desk: Desk) -> None:
    """API_DeleteMessage.html: ReceiptHandleIsInvalid."""
    url, other = desk.queue(), desk.queue("other")
    desk.send(other)
    (message,) = desk.receive(other)
    for handle in ("garbage", message["ReceiptHandle"]):
        with refused("ReceiptHandleIsInvalid"):
            desk.sqs.delete_message({"QueueUrl": url, "ReceiptHandle": handle})


def test_changing_visibility_extends_or_ends_the_hiding(desk: Desk, clock: MovableClock) -> None:
    """API_ChangeMessageVisibility.html: counted from now; 0 shows it at once."""
    url = desk.queue(VisibilityTimeout="10")
    desk.send(url)
    (message,) = desk.receive(url)

    def change(seconds: int) -> None:
        desk.sqs.change_message_visibility(
            {
                "QueueUrl": url,
                "ReceiptHandle": message["ReceiptHandle"],
                "VisibilityTimeout": seconds,
            }
        )

    change(100)
    clock.advance(50)
    assert desk.receive(url) == []
    with refused("InvalidParameterValueException"):
        change(43_200)
    with refused("InvalidParameterValueException"):
        change(43_201)
    change(0)
    with refused("MessageNotInflight"):
        change(5)
    (again,) = desk.receive(url)
    desk.delete(url, again)
    with refused("InvalidParameterValueException"):
        change(5)

"""Redrive: SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html."""

from __future__ import annotations

import json
from types import MethodType

import pytest

from localcloud.sqs.message_move_tasks import MessageMoveTasks
from tests.unit.sqs.conftest import Desk
from tests.unit.timing import MovableClock, refused, until


@pytest.fixture
def dead(desk: Desk) -> str:
    return desk.queue("dead")


@pytest.fixture
def source(desk: Desk, dead: str) -> str:
    policy = json.dumps({"deadLetterTargetArn": desk.arn(dead), "maxReceiveCount": 1})
    return desk.queue("work", VisibilityTimeout="0", RedrivePolicy=policy)


def bury(desk: Desk, source: str, count: int) -> None:
    for number in range(count):
        desk.send(source, f"m{number}")
    desk.receive(source)
    assert desk.receive(source) == []


def status(desk: Desk, dead: str) -> dict[str, object]:
    found = desk.sqs.list_message_move_tasks({"SourceArn": desk.arn(dead)})
    return dict(found["Results"][0])


def test_messages_go_back_to_their_source_as_new_ones(desk: Desk, source: str, dead: str) -> None:
    """API_StartMessageMoveTask.html: without a destination, to the original source."""
    bury(desk, source, 3)
    desk.sqs.start()
    desk.sqs.start_message_move_task({"SourceArn": desk.arn(dead)})
    until(lambda: status(desk, dead)["Status"] == "COMPLETED")
    done = status(desk, dead)
    assert done["ApproximateNumberOfMessagesMoved"] == 3
    assert done["ApproximateNumberOfMessagesToMove"] == 3
    assert "TaskHandle" not in done
    received = desk.receive(source)
    assert sorted(message["Body"] for message in received) == ["m0", "m1", "m2"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in received} == {"1"}


def test_a_task_goes_on_after_a_restart(desk: Desk, source: str, dead: str) -> None:
    """API_StartMessageMoveTask.html"""
    other = desk.queue("other")
    bury(desk, source, 2)
    desk.sqs.start_message_move_task(
        {"SourceArn": desk.arn(dead), "DestinationArn": desk.arn(other)}
    )
    assert status(desk, dead)["Status"] == "RUNNING"
    desk.reopen()
    desk.sqs.start()
    until(lambda: status(desk, dead)["Status"] == "COMPLETED")
    assert len(desk.receive(other)) == 2


def test_a_rate_moves_so_many_a_second(
    desk: Desk, source: str, dead: str, clock: MovableClock
) -> None:
    """API_StartMessageMoveTask.html: MaxNumberOfMessagesPerSecond."""
    bury(desk, source, 3)
    desk.sqs.start_message_move_task(
        {"SourceArn": desk.arn(dead), "MaxNumberOfMessagesPerSecond": 2}
    )
    moves = moving(desk)
    moves.step()
    moves.step()
    assert status(desk, dead)["ApproximateNumberOfMessagesMoved"] == 2
    clock.advance(1)
    moves.step()
    assert status(desk, dead)["ApproximateNumberOfMessagesMoved"] == 3


def moving(desk: Desk) -> MessageMoveTasks:
    operation = desk.sqs.start_message_move_task
    assert isinstance(operation, MethodType)
    assert isinstance(operation.__self__, MessageMoveTasks)
    return operation.__self__


def test_a_running_task_excludes_another_and_can_be_cancelled(
    desk: Desk, source: str, dead: str
) -> None:
    """API_CancelMessageMoveTask.html: only while RUNNING."""
    bury(desk, source, 1)
    started = desk.sqs.start_message_move_task({"SourceArn": desk.arn(dead)})
    with refused("UnsupportedOperation"):
        desk.sqs.start_message_move_task({"SourceArn": desk.arn(dead)})
    assert desk.sqs.cancel_message_move_task(started) == {"ApproximateNumberOfMessagesMoved": 0}
    assert status(desk, dead)["Status"] == "CANCELLED"
    with refused("ResourceNotFoundException"):
        desk.sqs.cancel_message_move_task(started)
    moving(desk).step()
    assert desk.receive(source) == []


def test_a_message_sent_straight_to_the_dead_letter_queue_has_no_source(
    desk: Desk, source: str, dead: str
) -> None:
    """API_ListMessageMoveTasks.html: FailureReason."""
    desk.send(dead)
    desk.sqs.start_message_move_task({"SourceArn": desk.arn(dead)})
    moving(desk).step()
    failed = status(desk, dead)
    assert (failed["Status"], failed["FailureReason"]) == (
        "FAILED",
        "CouldNotDetermineMessageSource",
    )


def test_only_a_dead_letter_queue_can_be_moved_from(desk: Desk, source: str, dead: str) -> None:
    """API_StartMessageMoveTask.html"""
    with refused("InvalidParameterValueException"):
        desk.sqs.start_message_move_task({"SourceArn": desk.arn(source)})
    with refused("ResourceNotFoundException"):
        desk.sqs.start_message_move_task({"SourceArn": "arn:aws:sqs:us-east-1:000000000000:no"})
    with refused("InvalidParameterValueException"):
        desk.sqs.start_message_move_task(
            {"SourceArn": desk.arn(dead), "DestinationArn": desk.arn(dead)}
        )
    with refused("InvalidParameterValueException"):
        desk.sqs.start_message_move_task(
            {"SourceArn": desk.arn(dead), "MaxNumberOfMessagesPerSecond": 501}
        )

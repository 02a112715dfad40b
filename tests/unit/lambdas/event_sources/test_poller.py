"""What a poller does with a batch, against a queue and a function that are plain objects."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas.event_sources.definition import EventSourceMapping
from localcloud.lambdas.event_sources.poller import DEFAULT_CONCURRENCY, EventSourcePoller

_MAPPED = EventSourceMapping("u", "arn:aws:sqs:us-east-1:000000000000:work", "read", 0.0)


class FakeQueues:
    """Remembers what is deleted."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def get_queue_url(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"QueueUrl": f"http://queue/{params['QueueName']}"}

    def get_queue_attributes(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"Attributes": {"VisibilityTimeout": "360"}}

    def delete_message_batch(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert len(params["Entries"]) <= 10
        self.deleted += [entry["ReceiptHandle"] for entry in params["Entries"]]
        return {"Successful": [], "Failed": []}


class Function:
    """Answers each batch as a test says, and remembers the bodies it saw."""

    def __init__(self, response: Any = None, succeeds: bool = True) -> None:
        self.response = response
        self.succeeds = succeeds
        self.seen: list[str] = []

    def __call__(self, name: str, payload: bytes, header: str) -> tuple[bytes, bool]:
        assert name == "read"
        self.seen += [record["body"] for record in json.loads(payload)["Records"]]
        if isinstance(self.response, AwsError):
            raise self.response
        return json.dumps(self.response).encode(), self.succeeds


def _messages(*bodies: str) -> list[dict[str, Any]]:
    return [
        {"MessageId": f"m{n}", "ReceiptHandle": f"r{n}", "Body": body, "MD5OfBody": "x"}
        for n, body in enumerate(bodies)
    ]


def _process(function: Function, mapped: EventSourceMapping = _MAPPED, *bodies: str) -> list[str]:
    queues = FakeQueues()
    poller = EventSourcePoller(mapped, queues, function, lambda: True)  # type: ignore[arg-type]
    poller.process(_messages(*(bodies or ("a", "b", "c"))))
    return sorted(queues.deleted)


def test_a_batch_that_succeeds_is_deleted() -> None:
    assert _process(Function()) == ["r0", "r1", "r2"]


@pytest.mark.parametrize(
    "function",
    [
        Function({"errorType": "KeyError"}, succeeds=False),
        Function(AwsError("ServiceException", "Something broke.", 500)),
    ],
)
def test_a_batch_that_fails_is_left_to_the_queue(function: Function) -> None:
    assert _process(function) == []


def test_reported_failures_stay_when_the_mapping_asks_for_reports() -> None:
    function = Function({"batchItemFailures": [{"itemIdentifier": "m1"}]})
    assert _process(function, replace(_MAPPED, partial_failures=True)) == ["r0", "r2"]


def test_a_report_means_nothing_when_the_mapping_does_not_ask_for_it() -> None:
    function = Function({"batchItemFailures": [{"itemIdentifier": "m1"}]})
    assert _process(function) == ["r0", "r1", "r2"]


def test_an_invalid_report_fails_the_whole_batch() -> None:
    function = Function({"batchItemFailures": [{"itemIdentifier": ""}]})
    assert _process(function, replace(_MAPPED, partial_failures=True)) == []


def test_messages_that_no_filter_wants_are_deleted_and_not_seen() -> None:
    function = Function(succeeds=False)
    mapped = replace(_MAPPED, filters=('{"body": {"kind": ["x"]}}', '{"body": {"kind": ["y"]}}'))
    bodies = ('{"kind": "x"}', '{"kind": "z"}', "plain", '{"kind": "y"}')
    assert _process(function, mapped, *bodies) == ["r1", "r2"]
    assert function.seen == ['{"kind": "x"}', '{"kind": "y"}']


def test_many_messages_are_deleted_ten_at_a_time() -> None:
    assert len(_process(Function(), _MAPPED, *(str(n) for n in range(25)))) == 25


class Throttled:
    """A function that is throttled `times` times, on a clock that moves as the poller waits."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.tried_at: list[float] = []
        self.now = 0.0

    def __call__(self, name: str, payload: bytes, header: str) -> tuple[bytes, bool]:
        self.tried_at.append(self.now)
        if len(self.tried_at) <= self.times:
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429)
        return b"null", True

    def pause(self, seconds: float) -> bool:
        self.now += seconds
        return False

    def process(self) -> list[str]:
        queues = FakeQueues()
        poller = EventSourcePoller(
            _MAPPED,
            queues,  # type: ignore[arg-type]
            self,
            lambda: True,
            monotonic=lambda: self.now,
            pause=self.pause,
        )
        poller.process(_messages("a"))
        return queues.deleted


def test_a_throttled_batch_is_tried_again_with_backoff() -> None:
    function = Throttled(7)
    assert function.process() == ["r0"]
    assert function.tried_at == [0, 1, 3, 7, 15, 31, 61, 91]


def test_a_throttled_batch_is_left_to_the_queue_when_its_messages_become_visible() -> None:
    function = Throttled(1_000)
    assert function.process() == []
    assert 300 < function.tried_at[-1] < 360


class FailingQueues(FakeQueues):
    """Queues of which some calls fail as on a full disk, and then none."""

    def __init__(self, receives: int = 0, deletes: int = 0, releases: int = 0) -> None:
        super().__init__()
        self.failures = {"receive": receives, "delete": deletes, "release": releases}
        self.waiting = _messages("a", "b")
        self.released: list[str] = []

    def _fail(self, call: str) -> None:
        if self.failures[call]:
            self.failures[call] -= 1
            raise sqlite3.OperationalError("database or disk is full")

    def receive_message(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self._fail("receive")
        return {"Messages": [self.waiting.pop(0)]} if self.waiting else {}

    def delete_message_batch(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self._fail("delete")
        return super().delete_message_batch(params)

    def send_message(self, params: Mapping[str, Any]) -> dict[str, Any]:
        raise AssertionError(params)

    def get_queue_attributes(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {"Attributes": {"VisibilityTimeout": "30"}}

    def change_message_visibility(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self._fail("release")
        self.released.append(params["ReceiptHandle"])
        return {}


def test_a_poller_goes_on_after_errors_that_are_none_of_aws() -> None:
    """More errors than it has slots: none of them takes a slot away, nor ends the thread."""
    queues = FailingQueues(receives=3 * DEFAULT_CONCURRENCY)
    function = Function()
    poller = EventSourcePoller(
        _MAPPED,
        queues,
        function,
        lambda: True,
        pause=lambda seconds: False,
    )
    poller.start()
    _until(lambda: sorted(function.seen) == ["a", "b"])
    poller.stop()


def test_messages_of_a_batch_that_failed_here_come_again_at_once() -> None:
    queues = FailingQueues(deletes=1, releases=2)
    poller = EventSourcePoller(
        _MAPPED, queues, Function(), lambda: True, pause=lambda seconds: False
    )
    poller.start()
    _until(lambda: sorted(queues.released + queues.deleted) == ["r0", "r1"])
    poller.stop()
    assert len(queues.released) == 1


def test_messages_that_fail_while_the_disk_is_low_come_again_once_there_is_space() -> None:
    """Not after the visibility timeout; and while it is low they are not received in vain."""
    queues, low = FailingQueues(), [True] * 4
    poller = EventSourcePoller(
        _MAPPED,
        queues,
        Function(AwsError("InsufficientStorage", "full", 507)),
        lambda: True,
        pause=lambda seconds: False,
        is_disk_low=lambda: bool(low) and low.pop(),
    )
    poller.process(_messages("a", "b"))
    assert (sorted(queues.released), queues.deleted, low) == (["r0", "r1"], [], [])


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_nothing_is_received_for_a_function_that_was_deleted_until_it_is_there_again() -> None:
    """The mapping stays, as on AWS; messages are not counted as received in vain.

    https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
    """
    queues = EmptyQueues()
    there = [True, True, False, False, False, True]
    received, results = [], []

    def is_ready() -> bool:
        received.append(queues.received)
        results.append(poller.last_result)
        if not there:
            poller.stop()
        return bool(there and there.pop(0))

    poller = EventSourcePoller(_MAPPED, queues, Function(), is_ready, pause=lambda _: False)  # type: ignore[arg-type]
    poller._loop()
    assert received == [0, 1, 2, 2, 2, 2, 3]
    assert [each for each in results if "not found" in each] == results[3:]


class EmptyQueues(FakeQueues):
    """Counts how often it was asked for messages."""

    received = 0

    def receive_message(self, params: Mapping[str, Any]) -> dict[str, Any]:
        self.received += 1
        return {}

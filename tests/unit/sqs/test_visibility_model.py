"""A standard queue against a model of it, over random sends, receives, deletes and restarts.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.soak import often
from tests.unit.sqs.conftest import Desk
from tests.unit.timing import MovableClock


@dataclass
class Modelled:
    visible_at: float
    handle: str | None = None
    receives: int = 0


class StandardQueue(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = MovableClock()
        self.desk = Desk(Path(self.folder.name), self.clock)
        self.url = self.desk.queue()
        self.model: dict[str, Modelled] = {}
        self.handles: list[str] = []

    def teardown(self) -> None:
        self.desk.sqs.stop()
        self.folder.cleanup()

    def visible(self) -> set[str]:
        return {name for name, item in self.model.items() if item.visible_at <= self.clock.now}

    @rule(delay=st.integers(0, 5))
    def send(self, delay: int) -> None:
        sent = self.desk.send(self.url, DelaySeconds=delay)
        self.model[sent["MessageId"]] = Modelled(self.clock.now + delay)

    @rule(limit=st.integers(1, 10), visibility=st.integers(0, 8))
    def receive(self, limit: int, visibility: int) -> None:
        before = self.visible()
        received = self.desk.receive(
            self.url, MaxNumberOfMessages=limit, VisibilityTimeout=visibility
        )
        names = {message["MessageId"] for message in received}
        assert names <= before
        assert len(received) == len(names) == min(limit, len(before))
        for message in received:
            item = self.model[message["MessageId"]]
            item.visible_at = self.clock.now + visibility
            item.handle = message["ReceiptHandle"]
            item.receives += 1
            assert message["Attributes"]["ApproximateReceiveCount"] == str(item.receives)
            self.handles.append(message["ReceiptHandle"])

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.handles:
            handle = data.draw(st.sampled_from(self.handles))
            self.desk.sqs.delete_message({"QueueUrl": self.url, "ReceiptHandle": handle})
            self.model = {name: item for name, item in self.model.items() if item.handle != handle}

    @rule(data=st.data(), seconds=st.integers(0, 8))
    def change_visibility(self, data: st.DataObject, seconds: int) -> None:
        in_flight = [item for item in self.model.values()
                     if item.handle and item.visible_at > self.clock.now]  # fmt: skip
        if in_flight:
            item = data.draw(st.sampled_from(in_flight))
            self.desk.sqs.change_message_visibility(
                {
                    "QueueUrl": self.url,
                    "ReceiptHandle": item.handle,
                    "VisibilityTimeout": seconds,
                }
            )
            item.visible_at = self.clock.now + seconds

    @rule(seconds=st.integers(1, 6))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        self.desk.reopen()

    @invariant()
    def counts_agree(self) -> None:
        attributes = self.desk.attributes(self.url)
        hidden = [item for item in self.model.values() if item.visible_at > self.clock.now]
        in_flight = sum(item.handle is not None for item in hidden)
        assert attributes["ApproximateNumberOfMessages"] == str(len(self.visible()))
        assert attributes["ApproximateNumberOfMessagesNotVisible"] == str(in_flight)
        assert attributes["ApproximateNumberOfMessagesDelayed"] == str(len(hidden) - in_flight)


StandardQueue.TestCase.settings = settings(
    max_examples=often(30, 8), stateful_step_count=25, deadline=None
)
TestStandardQueue = StandardQueue.TestCase

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.service import CloudContext
from localcloud.sqs import SqsService
from tests.unit.timing import MovableClock


class Desk:
    """A service with the shorthand that the tests share."""

    def __init__(self, folder: Path, clock: MovableClock) -> None:
        self.folder = folder
        self.clock = clock
        self.sqs = self.open()

    def open(self) -> SqsService:
        context = CloudContext(self.folder, "http://127.0.0.1:4566")
        return SqsService(context, self.clock)

    def reopen(self) -> None:
        self.sqs.stop()
        self.sqs = self.open()

    def queue(self, name: str = "work", **attributes: str) -> str:
        made = self.sqs.create_queue({"QueueName": name, "Attributes": attributes})
        return str(made["QueueUrl"])

    def arn(self, url: str) -> str:
        return str(self.attributes(url)["QueueArn"])

    def attributes(self, url: str) -> dict[str, str]:
        found = self.sqs.get_queue_attributes({"QueueUrl": url, "AttributeNames": ["All"]})
        return dict(found["Attributes"])

    def send(self, url: str, body: str = "hello", **more: Any) -> dict[str, Any]:
        return dict(self.sqs.send_message({"QueueUrl": url, "MessageBody": body, **more}))

    def receive(self, url: str, **more: Any) -> list[dict[str, Any]]:
        params = {"QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"], **more}
        return list(self.sqs.receive_message(params).get("Messages", []))

    def delete(self, url: str, message: dict[str, Any]) -> None:
        self.sqs.delete_message({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]})

    def bodies(self, url: str, **more: Any) -> list[str]:
        return [message["Body"] for message in self.receive(url, **more)]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def desk(tmp_path: Path, clock: MovableClock) -> Iterator[Desk]:
    made = Desk(tmp_path, clock)
    yield made
    made.sqs.stop()

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from localcloud.events import EventsService
from localcloud.service import CloudContext
from tests.unit.timing import MovableClock

QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"


class Receiver:
    """Takes deliveries, and refuses those that `refuse` raises for."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, object, Mapping[str, Any]]] = []
        self.attempts = 0
        self.refuse: Callable[[str], None] = lambda arn: None
        self._guard = threading.Lock()

    def __call__(self, arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        with self._guard:
            self.attempts += 1
            self.refuse(arn)
            self.taken.append((arn, payload, definition))

    def payloads(self, arn: str = QUEUE) -> list[Any]:
        return [payload for taken, payload, _ in list(self.taken) if taken == arn]

    def texts(self, arn: str = QUEUE) -> list[str]:
        return [str(definition["PayloadText"]) for taken, _, definition in self.taken
                if taken == arn]  # fmt: skip


class Bench:
    """EventBridge with one receiver behind every kind of target."""

    def __init__(self, folder: Path, clock: MovableClock) -> None:
        self.folder = folder
        self.clock = clock
        self.receiver = Receiver()
        self.events = self.open()

    def open(self) -> EventsService:
        kinds = dict.fromkeys(("sqs", "lambda", "states"), self.receiver)
        return EventsService(CloudContext(self.folder, "http://127.0.0.1:1"), kinds, self.clock)

    def reopen(self) -> None:
        self.events.stop()
        self.events = self.open()

    def rule(self, name: str = "r", pattern: object = None, **more: Any) -> str:
        if pattern is not None or "ScheduleExpression" not in more:
            more["EventPattern"] = json.dumps(pattern or {"source": ["shop"]})
        return str(self.events.put_rule({"Name": name, **more})["RuleArn"])

    def target(self, rule: str = "r", **more: Any) -> None:
        target = {"Id": "t", "Arn": QUEUE, **more}
        bus = target.pop("EventBusName", "default")
        self.events.put_targets({"Rule": rule, "EventBusName": bus, "Targets": [target]})

    def put(self, detail: object = None, **more: Any) -> dict[str, Any]:
        entry = {"Source": "shop", "DetailType": "sold", "Detail": json.dumps(detail or {}), **more}
        return dict(self.events.put_events({"Entries": [entry]}))


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def bench(tmp_path: Path, clock: MovableClock) -> Iterator[Bench]:
    made = Bench(tmp_path, clock)
    yield made
    made.events.stop()

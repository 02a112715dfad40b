from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.database import Database
from localcloud.event_outbox import EventOutbox
from localcloud.s3.storage.records import SCHEMA as S3_SCHEMA
from localcloud.stepfunctions.store.schema import SCHEMA as STEP_FUNCTIONS_SCHEMA


@pytest.fixture(params=[S3_SCHEMA, STEP_FUNCTIONS_SCHEMA], ids=["s3", "stepfunctions"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "service.sqlite3", request.param)
    yield opened
    opened.close()


class Bus:
    """Takes events, after refusing the first `refusals` of them."""

    def __init__(self, database: Database, wanted: int, refusals: int = 0) -> None:
        self.taken: list[dict[str, Any]] = []
        self.left_in_outbox: list[int] = []
        self.done = threading.Event()
        self._database = database
        self._wanted = wanted
        self._refusals = refusals

    def publish(self, event: dict[str, Any]) -> None:
        if self._refusals:
            self._refusals -= 1
            raise ConnectionError("the bus is not there yet")
        self.left_in_outbox.append(len(waiting(self._database)))
        self.taken.append(event)
        if len(self.taken) == self._wanted:
            self.done.set()


def waiting(database: Database) -> list[int]:
    return [row["position"] for row in database.read("SELECT rowid AS position FROM outbox")]


def put_out(database: Database, *numbers: int) -> None:
    for number in numbers:
        database.write("INSERT INTO outbox VALUES (?, ?)", number, json.dumps({"n": number}))


def test_events_of_an_earlier_process_are_published_in_order(database: Database) -> None:
    put_out(database, 3, 1, 2)
    bus = Bus(database, wanted=3)
    outbox = EventOutbox(database, bus.publish, "test")
    outbox.start()
    assert bus.done.wait(10)
    outbox.stop()
    assert bus.taken == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert waiting(database) == []


def test_an_event_leaves_the_outbox_only_when_it_has_been_taken(database: Database) -> None:
    put_out(database, 1, 2)
    bus = Bus(database, wanted=2)
    outbox = EventOutbox(database, bus.publish, "test")
    outbox.start()
    assert bus.done.wait(10)
    outbox.stop()
    assert bus.left_in_outbox == [2, 1]


def test_an_event_that_was_refused_is_tried_again(database: Database) -> None:
    put_out(database, 1, 2)
    bus = Bus(database, wanted=2, refusals=2)
    outbox = EventOutbox(database, bus.publish, "test")
    outbox.start()
    assert bus.done.wait(10)
    outbox.stop()
    assert bus.taken == [{"n": 1}, {"n": 2}]


def test_an_event_that_comes_later_is_published_when_the_outbox_is_woken(
    database: Database,
) -> None:
    bus = Bus(database, wanted=1)
    outbox = EventOutbox(database, bus.publish, "test")
    outbox.start()
    put_out(database, 1)
    outbox.wake()
    assert bus.done.wait(10)
    outbox.stop()


def test_an_outbox_stops_while_the_bus_refuses(database: Database) -> None:
    put_out(database, 1)
    outbox = EventOutbox(database, Bus(database, wanted=1, refusals=10**9).publish, "test")
    outbox.start()
    outbox.stop()
    assert not [one for one in threading.enumerate() if one.name == "test-outbox"]
    assert waiting(database) == [1]

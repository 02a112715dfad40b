from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.database import Database
from localcloud.s3.event_notifications import EventRelay
from localcloud.s3.storage.records import SCHEMA


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "catalogue.sqlite3", SCHEMA)
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
    return [row["sequence"] for row in database.read("SELECT sequence FROM outbox")]


def put_out(database: Database, *numbers: int) -> None:
    for number in numbers:
        database.write("INSERT INTO outbox VALUES (?, ?)", number, json.dumps({"n": number}))


def test_events_of_an_earlier_process_are_published_in_order(database: Database) -> None:
    put_out(database, 3, 1, 2)
    bus = Bus(database, wanted=3)
    relay = EventRelay(database, bus.publish)
    relay.start()
    assert bus.done.wait(10)
    relay.stop()
    assert bus.taken == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert waiting(database) == []


def test_an_event_leaves_the_outbox_only_when_it_has_been_taken(database: Database) -> None:
    put_out(database, 1, 2)
    bus = Bus(database, wanted=2)
    relay = EventRelay(database, bus.publish)
    relay.start()
    assert bus.done.wait(10)
    relay.stop()
    assert bus.left_in_outbox == [2, 1]


def test_an_event_that_was_refused_is_tried_again(database: Database) -> None:
    put_out(database, 1, 2)
    bus = Bus(database, wanted=2, refusals=2)
    relay = EventRelay(database, bus.publish)
    relay.start()
    assert bus.done.wait(10)
    relay.stop()
    assert bus.taken == [{"n": 1}, {"n": 2}]


def test_an_event_that_comes_later_is_published_when_the_relay_is_woken(
    database: Database,
) -> None:
    bus = Bus(database, wanted=1)
    relay = EventRelay(database, bus.publish)
    relay.start()
    put_out(database, 1)
    relay.wake()
    assert bus.done.wait(10)
    relay.stop()


def test_a_relay_stops_while_the_bus_refuses(database: Database) -> None:
    put_out(database, 1)
    relay = EventRelay(database, Bus(database, wanted=1, refusals=10**9).publish)
    relay.start()
    relay.stop()
    assert not [one for one in threading.enumerate() if one.name == "s3-event-relay"]
    assert waiting(database) == [1]

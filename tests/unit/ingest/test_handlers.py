from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.records import Records
from chalicelib.errors import Transient
from chalicelib.ingest.arrivals import Arrivals
from chalicelib.ingest.departures import Departures, MemberRemoval
from chalicelib.ingest.handlers import IngestHandlers
from chalicelib.ingest.settlements import GRACE, Settlements
from tests.unit.ingest.examples import MACHINE, NOW, arrival
from tests.unit.ingest.fakes import (
    FakeBus,
    FakeExecutions,
    FakeObjects,
    FakeQueue,
    FakeRemover,
    FakeVectors,
)


class World:
    def __init__(self, records: Records) -> None:
        self.records = records
        self.executions = FakeExecutions()
        self.queue = FakeQueue()
        self.remover = FakeRemover()
        self.later = timedelta()
        self.max_running = 20

    @property
    def handlers(self) -> IngestHandlers:
        names = ("handbook.md", "b.md", *(f"{n}.md" for n in range(3)))
        objects = FakeObjects({f"inbox/acme/default/{name}": b"x" for name in names})
        arrivals = Arrivals(
            records=self.records,
            tenants=self.records,
            objects=objects,
            executions=self.executions,
            queue=self.queue,
            departed=MemberRemoval(self.records, objects, lambda bucket: self.remover),
            machine_arn=MACHINE,
            max_running=self.max_running,
            now=lambda: NOW,
            chance=lambda: 0.5,
        )
        settlements = Settlements(
            records=self.records,
            tenants=self.records,
            executions=self.executions,
            objects=objects,
            vectors=FakeVectors(),
            departures=Departures(objects, self.queue),
            remover=lambda bucket: self.remover,
            bus=FakeBus(),
            now=lambda: NOW + self.later,
        )
        return IngestHandlers(arrivals, settlements, self.records)


@pytest.fixture
def world(records: Records) -> World:
    return World(records)


def message(name: str, body: str, deferrals: int | None = None) -> dict[str, Any]:
    attributes = {}
    if deferrals is not None:
        attributes["deferrals"] = {"dataType": "Number", "stringValue": str(deferrals)}
    return {"messageId": name, "body": body, "messageAttributes": attributes}


def test_only_the_messages_that_failed_come_again(world: World) -> None:
    batch = [
        message("good", arrival()),
        message("bad", "not json"),
        message("also good", arrival(key="inbox/acme/default/b.md")),
    ]
    answer = world.handlers.object_created({"Records": batch})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(world.executions.started) == 2


def test_a_batch_of_which_all_fails_fails_message_by_message(world: World) -> None:
    answer = world.handlers.object_created({"Records": [message("bad", "{}")]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_a_deferred_message_keeps_count(world: World) -> None:
    world.max_running = 1
    first, second = arrival(), arrival(key="inbox/acme/default/b.md")
    batch = [message("one", first), message("two", second, deferrals=4)]
    assert world.handlers.object_created({"Records": batch}) == {"batchItemFailures": []}
    assert [(body, count) for body, count, _ in world.queue.sent] == [(second, 5)]


def test_one_place_that_cannot_be_looked_after_does_not_stop_the_sweep(world: World) -> None:
    bodies = [arrival(key=f"inbox/acme/default/{n}.md") for n in range(3)]
    world.executions.fails = [Transient("no network")] * 4
    world.handlers.object_created({"Records": [message(b, b) for b in bodies]})
    assert not world.executions.started
    world.later = GRACE
    with pytest.raises(Transient, match="1 running ingests"):
        world.handlers.sweep()
    assert len(world.executions.started) == 2
    world.handlers.sweep()
    assert len(world.executions.started) == 3


def test_an_end_that_is_nobody_s_is_left_alone(world: World) -> None:
    detail = {"executionArn": MACHINE + ":v_unknown-1", "status": "FAILED"}
    world.handlers.execution_ended(json.loads(json.dumps({"id": "e", "detail": detail})))

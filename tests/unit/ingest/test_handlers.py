from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Update
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.waitlist import WaitlistTable
from chalicelib.adapters.records.writes import EXISTS, version_key
from chalicelib.contracts.arrivals import RetryDetail, RetryWanted
from chalicelib.errors import HeadraceError, Transient
from chalicelib.ingest.admission import Admission
from chalicelib.ingest.arrivals import ArrivalProcessor
from chalicelib.ingest.departures import DepartureAnnouncer, MemberRemover
from chalicelib.ingest.handlers import IngestHandlers
from chalicelib.ingest.settlement import GRACE, IngestSettler
from tests.unit.ingest.examples import MACHINE, NOW, arrival, work
from tests.unit.ingest.fakes import (
    FakeBus,
    FakeExecutions,
    FakeObjects,
    FakeQueue,
    FakeRemover,
    FakeVectors,
)
from tests.unit.observability.counting import denied, failures, lines_of


class World:
    def __init__(self, records: IngestTable, waiting: WaitlistTable) -> None:
        self.records, self.waiting = records, waiting
        self.executions = FakeExecutions()
        self.queue = FakeQueue()
        self.remover = FakeRemover()
        self.later = timedelta()
        self.max_running = 20

    @property
    def handlers(self) -> IngestHandlers:
        names = ("handbook.md", "b.md", *(f"{n}.md" for n in range(3)))
        objects = FakeObjects({f"inbox/acme/default/{name}": b"x" for name in names})
        arrivals = ArrivalProcessor(
            records=self.records,
            tenants=self.records,
            objects=objects,
            executions=self.executions,
            waiting=self.waiting,
            departed=MemberRemover(
                self.records, objects, lambda bucket: self.remover, self.remover.later
            ),
            machine_arn=MACHINE,
            max_running=self.max_running,
            now=lambda: NOW,
        )
        settlements = IngestSettler(
            records=self.records,
            tenants=self.records,
            executions=self.executions,
            objects=objects,
            vectors=FakeVectors(),
            departures=DepartureAnnouncer(objects, self.queue),
            remover=lambda bucket: self.remover,
            bus=FakeBus(),
            ready=lambda work, version: None,
            now=lambda: NOW + self.later,
        )
        admission = Admission(self.waiting, self.records, arrivals, self.queue, self.max_running)
        return IngestHandlers(arrivals, admission, settlements, self.records, self.queue)


@pytest.fixture
def world(records: IngestTable, table: DynamoTable) -> World:
    return World(records, WaitlistTable(table))


def message(name: str, body: str, times: int = 1) -> dict[str, Any]:
    """Return a message that was received `times` times."""
    attributes = {"ApproximateReceiveCount": str(times)}
    return {"messageId": name, "body": body, "receiptHandle": f"r-{name}", "attributes": attributes}


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
    with lines_of("object_created") as lines:
        answer = world.handlers.object_created({"Records": [message("bad", "{}")]})
        told = json.loads(lines()[0])
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert (told["error"], told["why"][:14]) == ("InvalidInput", "Not an arrival")


def test_an_end_gives_its_seat_to_who_waits(world: World) -> None:
    world.max_running = 1
    first, second = arrival(), arrival(key="inbox/acme/default/b.md")
    batch = [message("one", first), message("two", second)]
    assert world.handlers.object_created({"Records": batch}) == {"batchItemFailures": []}
    assert len(world.executions.started) == 1
    (running,) = world.records.running()
    detail = {"executionArn": running.execution_arn, "status": "FAILED"}
    world.handlers.execution_ended({"id": "e", "detail": detail})
    assert len(world.executions.started) == 2
    assert not world.waiting.is_any()


def test_an_arrival_that_kept_failing_is_not_put_in_line_again(world: World) -> None:
    """It fails in the queue instead, which counts that, or gets the seat that is free."""
    world.max_running = 1
    bodies = [arrival(), arrival(key="inbox/acme/default/b.md")]
    world.handlers.object_created({"Records": [message(body, body) for body in bodies]})
    world.max_running = 2
    failed = message("failed", arrival(key="inbox/acme/default/0.md"))
    reason = {"stringValue": "HeadraceError", "dataType": "String"}
    world.handlers.object_created(
        {"Records": [{**failed, "messageAttributes": {"ERROR_CODE": reason}}]}
    )
    paths = [each.path for each in world.executions.started.values()]
    assert paths == ["handbook.md", "0.md"]


def test_a_seat_that_nobody_was_told_of_is_given_away_by_the_sweep(world: World) -> None:
    world.max_running = 1
    bodies = [arrival(), arrival(key="inbox/acme/default/b.md")]
    world.handlers.object_created({"Records": [message(body, body) for body in bodies]})
    world.max_running = 2
    world.handlers.sweep()
    assert len(world.executions.started) == 2


def test_a_slot_that_cannot_be_looked_after_keeps_no_seat_from_who_waits(world: World) -> None:
    world.max_running = 1
    world.executions.fails = [Transient("no network")] * 2
    bodies = [arrival(), arrival(key="inbox/acme/default/b.md")]
    world.handlers.object_created({"Records": [message(body, body) for body in bodies]})
    assert (len(world.executions.started), world.waiting.is_any()) == (0, True)
    world.max_running, world.later = 2, GRACE
    with pytest.raises(Transient, match="1 running ingests"):
        world.handlers.sweep()
    assert len(world.executions.started) == 1
    assert not world.waiting.is_any()


@pytest.mark.parametrize(("times", "seconds"), [(1, 10), (2, 60), (3, 300), (4, 900), (9, 900)])
def test_a_retry_before_its_settlement_stays_in_the_queue_for_a_while(
    world: World, table: DynamoTable, times: int, seconds: int
) -> None:
    """Sent to the queue again it would go round through the function.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    world.handlers.object_created({"Records": [message("one", arrival())]})
    first = work()
    key = version_key("acme", first.document_id, first.version)
    table.update(Update(key, "SET #status = :failed", {":failed": "failed"}, EXISTS))
    detail = RetryDetail(tenant="acme", document_id=first.document_id, version=first.version)
    wish = RetryWanted(id="wish", detail=detail).model_dump_json()
    answer = world.handlers.object_created({"Records": [message("wish", wish, times)]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "wish"}]}
    assert world.queue.hidden == [("r-wish", seconds)]


def test_the_age_of_the_upload_that_is_first_in_line_should_be_written_once_a_batch(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.max_running = 1
    names = ("handbook.md", "b.md", "0.md", "1.md")
    ages = (0, 90, 3700, 7)
    bodies = [
        arrival(key=f"inbox/acme/default/{name}", time=NOW - timedelta(seconds=age))
        for name, age in zip(names, ages, strict=True)
    ]
    world.handlers.object_created({"Records": [message("first", bodies[0])]})
    assert emitted(capsys.readouterr().out) == {}
    world.handlers.object_created({"Records": [message(body, body) for body in bodies[1:]]})
    assert emitted(capsys.readouterr().out) == {"OldestArrivalSeconds": [3700.0]}


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


def test_a_denied_call_should_count_as_a_failure_in_a_batch_and_in_a_sweep(world: World) -> None:
    world.executions.fails = [denied(), denied()]
    with lines_of("object_created") as lines:
        answer = world.handlers.object_created({"Records": [message("one", arrival())]})
        (line,) = failures(lines())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}]}
    assert "AccessDeniedException" in line["exception"]
    world.later = GRACE
    with lines_of("sweep") as lines:
        with pytest.raises(HeadraceError, match="1 running ingests") as raised:
            world.handlers.sweep()
        assert raised.type is HeadraceError
        (running,) = world.records.running()
        at_the_place, _ = failures(lines())
    assert at_the_place["execution"] == running.execution_arn


def test_an_end_that_is_nobody_s_is_left_alone(world: World) -> None:
    detail = {"executionArn": MACHINE + ":v_unknown-1", "status": "FAILED"}
    world.handlers.execution_ended(json.loads(json.dumps({"id": "e", "detail": detail})))


def emitted(text: str) -> dict[str, list[float]]:
    """Return the metrics of all lines, by name."""
    found: dict[str, list[float]] = {}
    for line in map(json.loads, text.splitlines()):
        for metric in line.get("_aws", {}).get("CloudWatchMetrics", [{"Metrics": []}])[0][
            "Metrics"
        ]:
            found.setdefault(metric["Name"], []).extend(line[metric["Name"]])
    return found


def test_a_sweep_tells_the_age_of_the_oldest_ingest_while_there_is_one(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.handlers.sweep()
    assert emitted(capsys.readouterr().out) == {}
    world.handlers.object_created({"Records": [message("one", arrival())]})
    world.later = timedelta(seconds=90)
    capsys.readouterr()
    world.handlers.sweep()
    assert emitted(capsys.readouterr().out) == {"OldestIngestSeconds": [90.0]}


def test_an_end_is_counted_by_what_became_of_the_document(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.handlers.object_created({"Records": [message("one", arrival())]})
    (running,) = world.records.running()
    detail = {"executionArn": running.execution_arn, "status": "FAILED"}
    capsys.readouterr()
    for _ in range(2):
        world.handlers.execution_ended({"id": "e", "detail": detail})
    assert emitted(capsys.readouterr().out) == {"DocumentsFailed": [1.0]}

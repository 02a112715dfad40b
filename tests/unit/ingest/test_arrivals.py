from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put, Update
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.waitlist import WaitlistTable
from chalicelib.adapters.records.writes import EXISTS, version_key
from chalicelib.contracts.arrivals import MemberGone, MemberGoneDetail, ObjectCreated
from chalicelib.errors import InvalidInput, Transient
from chalicelib.ingest.admission import Admission
from chalicelib.ingest.arrivals import ArrivalProcessor, ArrivalResult, parse_arrival
from chalicelib.ingest.departures import MemberRemover
from chalicelib.jobs.ingest_settlement import IngestSettlement
from tests.unit.ingest.examples import BUCKET, KEY, MACHINE, NOW, arrival, work
from tests.unit.ingest.fakes import FakeExecutions, FakeObjects, FakeQueue, FakeRemover


@dataclass
class World:
    records: IngestTable
    table: DynamoTable
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    objects: FakeObjects = field(default_factory=FakeObjects)
    remover: FakeRemover = field(default_factory=FakeRemover)
    max_running: int = 20
    is_there: bool = True
    """Whether what events tell of is in the inbox."""

    def take(self, body: str) -> ArrivalResult:
        if self.is_there:
            self._upload(body)
        return self.arrivals.take(body)

    @property
    def waiting(self) -> WaitlistTable:
        return WaitlistTable(self.table)

    @property
    def arrivals(self) -> ArrivalProcessor:
        return ArrivalProcessor(
            records=self.records,
            tenants=self.records,
            objects=self.objects,
            executions=self.executions,
            waiting=self.waiting,
            departed=MemberRemover(
                self.records, self.objects, lambda bucket: self.remover, self.remover.later
            ),
            machine_arn=MACHINE,
            max_running=self.max_running,
            now=lambda: NOW,
        )

    def admit(self) -> None:
        Admission(self.waiting, self.records, self.arrivals, FakeQueue(), self.max_running).admit(
            NOW
        )

    def _upload(self, body: str) -> None:
        with contextlib.suppress(InvalidInput):
            message = parse_arrival(body)
            if isinstance(message, ObjectCreated):
                self.objects.bodies.setdefault(message.detail.object.key, b"x")

    def running(self) -> int:
        counter = self.table.get(("ADMISSION", "ingest"))
        places = list(self.records.running())
        assert (counter or {"running": 0})["running"] == len(places)
        return len(places)


@pytest.fixture
def world(records: IngestTable, table: DynamoTable) -> World:
    return World(records, table)


def test_an_arrival_starts_one_execution_and_takes_one_place(world: World) -> None:
    assert world.take(arrival()) is ArrivalResult.STARTED
    assert list(world.executions.started) == [f"{work().version}-1"]
    assert world.running() == 1


def test_an_upload_keeps_the_correlation_id_of_the_request_that_announced_it(
    world: World,
) -> None:
    world.objects.write(BUCKET, KEY, b"x", {"correlation-id": "request-1"})
    world.take(arrival())
    (started,) = world.executions.started.values()
    assert started.correlation_id == "request-1"


def test_an_upload_that_nobody_announced_is_followed_by_its_event_s_id(world: World) -> None:
    world.take(arrival(id="event-7"))
    (started,) = world.executions.started.values()
    assert started.correlation_id == "event-7"


def test_an_arrival_shows_as_a_document_that_is_being_worked_on(world: World) -> None:
    world.take(arrival())
    document = world.records.document("acme", work().document_id)
    assert document is not None
    assert (document.status, document.version) == ("processing", "")
    assert document.latest_version == work().version


def test_a_repeated_event_is_a_no_op(world: World) -> None:
    world.take(arrival())
    assert world.take(arrival(id="the-same-again")) is ArrivalResult.REPEATED
    assert len(world.executions.started) == world.running() == 1


def test_a_repeated_event_starts_what_the_first_delivery_could_not(world: World) -> None:
    world.executions.fails.append(Transient("no network"))
    with pytest.raises(Transient):
        world.take(arrival())
    assert world.take(arrival()) is ArrivalResult.REPEATED
    assert len(world.executions.started) == world.running() == 1


def test_a_repeated_event_of_a_version_that_ended_starts_nothing(world: World) -> None:
    world.take(arrival())
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken"), NOW)
    world.executions.started.clear()
    assert world.take(arrival()) is ArrivalResult.REPEATED
    assert not world.executions.started


def test_an_event_that_comes_after_its_object_was_removed_brings_nothing_back(
    world: World,
) -> None:
    world.is_there = False
    assert world.take(arrival()) is ArrivalResult.IGNORED
    assert world.records.document("acme", work().document_id) is None
    assert world.running() == 0


def test_what_finds_no_seat_waits_once_and_is_never_dropped(world: World) -> None:
    world.max_running = 1
    world.take(arrival())
    body = arrival(key="inbox/acme/default/second.md")
    for _ in range(2):
        assert world.take(body) is ArrivalResult.DEFERRED
    assert [each.body for each in world.waiting.firsts("", large=False)] == [body]
    assert world.running() == 1
    assert world.records.version("acme", work().document_id, work().version) is not None


def test_a_waiting_arrival_starts_when_a_seat_is_free(world: World) -> None:
    world.max_running = 1
    world.take(arrival())
    world.take(arrival(key="inbox/acme/default/second.md"))
    world.admit()
    assert world.running() == len(world.executions.started) == 1
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken"), NOW)
    world.admit()
    assert len(world.executions.started) == 2
    assert not world.waiting.is_any()


def test_whoever_comes_while_others_wait_lets_them_go_first(world: World) -> None:
    world.max_running = 1
    world.take(arrival())
    world.take(arrival(key="inbox/acme/default/second.md"))
    world.max_running = 2
    late = arrival(key="inbox/acme/default/late.md", time=NOW)
    assert world.take(late) is ArrivalResult.DEFERRED
    world.admit()
    assert [each.path for each in world.executions.started.values()] == ["handbook.md", "second.md"]


def test_a_waiting_upload_that_was_deleted_meanwhile_is_forgotten(world: World) -> None:
    world.max_running = 1
    world.take(arrival())
    world.take(arrival(key="inbox/acme/default/second.md"))
    world.objects.bodies.clear()
    world.max_running = 2
    world.admit()
    assert len(world.executions.started) == 1
    assert not world.waiting.is_any()


def test_an_event_that_comes_late_does_not_replace_a_newer_upload(world: World) -> None:
    world.take(arrival(version_id="new", sequencer="0062E99A88DC4075"))
    assert (
        world.take(arrival(version_id="old", sequencer="0062E99A88DC40746"))
        is ArrivalResult.OVERTAKEN
    )
    document = world.records.document("acme", work().document_id)
    assert document is not None
    assert document.latest_version == work(version_id="new").version
    assert world.running() == 1


def test_a_shorter_sequencer_is_compared_as_if_padded_with_zeros(world: World) -> None:
    world.take(arrival(version_id="first", sequencer="0062E99A88DC40"))
    late = arrival(version_id="second", sequencer="0062E99A88DC4001")
    assert world.take(late) is ArrivalResult.STARTED


@pytest.mark.parametrize(
    "key",
    ["inbox/acme/default/folder/", "inbox/nobody/default/a.md", "inbox/acme/a.md"],
    ids=["a folder", "an unknown tenant", "no collection"],
)
def test_an_object_that_is_nobody_s_document_is_ignored(world: World, key: str) -> None:
    assert world.take(arrival(key=key)) is ArrivalResult.IGNORED
    assert world.running() == 0


@pytest.mark.parametrize("body", ["", "{}", "[]", "not json", '{"source": "aws.s3"}'])
def test_a_message_that_is_no_arrival_goes_to_the_dead_letters(world: World, body: str) -> None:
    with pytest.raises(InvalidInput):
        world.take(body)


def retry_of(version: str, **more: object) -> str:
    detail = {"tenant": "acme", "document_id": work().document_id, "version": version, **more}
    event = {"id": "e", "source": "headrace", "detail-type": "document.retry", "detail": detail}
    return json.dumps(event)


def test_a_failed_version_runs_again_as_its_next_attempt(world: World) -> None:
    world.take(arrival())
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken"), NOW)
    assert world.take(retry_of(work().version)) is ArrivalResult.STARTED
    assert f"{work().version}-2" in world.executions.started
    version = world.records.version("acme", work().document_id, work().version)
    assert version is not None
    assert (version.status, version.attempt, version.settled_at) == ("processing", 2, None)
    assert world.running() == 1


def test_a_version_that_has_not_failed_does_not_run_again(world: World) -> None:
    world.take(arrival())
    assert world.take(retry_of(work().version)) is ArrivalResult.IGNORED
    assert world.take(retry_of("v_unknown")) is ArrivalResult.IGNORED
    assert world.running() == 1


def test_a_document_tells_how_often_its_newest_upload_was_tried(world: World) -> None:
    world.take(arrival())
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken"), NOW)
    world.take(retry_of(work().version))
    document = world.records.document("acme", work().document_id)
    assert document is not None
    assert (document.status, document.attempt) == ("processing", 2)
    world.take(arrival(version_id="new", sequencer="0062E99A88DC4075"))
    document = world.records.document("acme", work().document_id)
    assert document is not None
    assert document.attempt == 1


def test_a_retry_that_is_delivered_twice_is_one_attempt(world: World) -> None:
    world.take(arrival())
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken"), NOW)
    wish = retry_of(work().version, failed_attempt=1)
    assert world.take(wish) is ArrivalResult.STARTED
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken again"), NOW)
    assert world.take(wish) is ArrivalResult.REPEATED
    assert world.running() == 0


def test_a_retry_waits_until_the_attempt_that_failed_is_settled(
    world: World, table: DynamoTable
) -> None:
    world.take(arrival())
    key = version_key("acme", work().document_id, work().version)
    table.update(Update(key, "SET #status = :failed", {":failed": "failed"}, EXISTS))
    wish = retry_of(work().version, failed_attempt=1)
    assert world.take(wish) is ArrivalResult.UNSETTLED
    assert not world.waiting.is_any()
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement(), NOW)
    assert world.take(wish) is ArrivalResult.STARTED


def test_the_news_of_a_member_that_is_gone_removes_it(world: World) -> None:
    world.take(arrival(key="inbox/acme/default/a.zip/m.txt"))
    asked = work(key="inbox/acme/default/a.zip/m.txt")
    container = work(key="inbox/acme/default/a.zip").document_id
    detail = MemberGoneDetail(
        bucket=asked.bucket,
        tenant="acme",
        collection="default",
        container=container,
        versions=("v_gone",),
        document_id=asked.document_id,
        path=asked.path,
    )
    news = MemberGone(id="m", detail=detail).model_dump_json()
    assert world.take(news) is ArrivalResult.IGNORED
    key = version_key("acme", asked.document_id, asked.version)
    world.table.update(Update(key, "SET #container = :container", {":container": container}))
    assert world.take(news) is ArrivalResult.DEPARTED
    assert world.remover.removed == [asked.document_id]


def removing(world: World) -> None:
    world.table.update(
        Update(("TENANT#acme", "TENANT"), "SET #removing = :job", {":job": "01J"}, EXISTS)
    )


def test_an_upload_for_a_tenant_that_is_being_removed_is_removed_with_it(world: World) -> None:
    removing(world)
    world.objects.bodies[KEY] = b"late"
    assert world.take(arrival()) is ArrivalResult.IGNORED
    assert not world.objects.bodies
    assert not world.executions.started


def test_a_claim_is_refused_when_the_removal_begins_after_it_was_wanted(world: World) -> None:
    world.objects.bodies[KEY] = b"late"

    class Late(IngestTable):
        def document(self, tenant: str, document_id: str) -> None:
            removing(world)

    world.records = Late(world.table)
    assert world.take(arrival()) is ArrivalResult.IGNORED
    assert not world.objects.bodies
    assert world.running() == 0


def test_an_upload_for_a_tenant_that_was_removed_leaves_nothing(world: World) -> None:
    world.table.put(Put({"pk": "REMOVED#gone", "sk": "JOB#01J"}))
    key = "inbox/gone/default/a.md"
    world.objects.bodies[key] = b"late"
    assert world.take(arrival(key=key)) is ArrivalResult.IGNORED
    assert not world.objects.bodies


def test_what_lies_under_nobody_s_name_is_left_alone(world: World) -> None:
    key = "inbox/nobody/default/a.md"
    world.objects.bodies[key] = b"early"
    assert world.take(arrival(key=key)) is ArrivalResult.IGNORED
    assert key in world.objects.bodies

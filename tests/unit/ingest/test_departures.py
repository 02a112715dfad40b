"""Files go with their container, and only with it."""

from __future__ import annotations

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Update
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.writes import document_key
from chalicelib.contracts.arrivals import MemberGoneDetail
from chalicelib.contracts.inbox_metadata import Member
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.removals import RemovalBound
from chalicelib.ingest.departures import (
    DepartureAnnouncer,
    MemberContainer,
    MemberRemover,
    read_members,
)
from chalicelib.jobs.ingest_claims import IngestClaim, execution_arn
from chalicelib.jobs.removals import MAX_CHUNKS_AT_ONCE
from chalicelib.retrieval.ids import InboxPlace, members_key
from tests.unit.ingest.examples import BUCKET, MACHINE, NOW, work
from tests.unit.ingest.fakes import FakeObjects, FakeQueue, FakeRemover

PLACE = InboxPlace("acme", "default", "a.zip")
CONTAINER = MemberContainer(BUCKET, "acme", "default", PLACE.document_id)


def member(name: str) -> InboxPlace:
    return InboxPlace("acme", "default", f"a.zip/{name}")


def write_down(objects: FakeObjects, version: str, *names: str) -> None:
    held = [Member(document_id=member(name).document_id, path=member(name).path) for name in names]
    objects.write(BUCKET, members_key("acme", PLACE.document_id, version), dump_lines(held), {})


def gone(name: str, *versions: str) -> MemberGoneDetail:
    return MemberGoneDetail(
        bucket=BUCKET,
        tenant="acme",
        collection="default",
        container=PLACE.document_id,
        versions=versions,
        document_id=member(name).document_id,
        path=member(name).path,
    )


def announced(objects: FakeObjects, versions: list[str], kept: list[str]) -> list[str]:
    queue = FakeQueue()
    count = DepartureAnnouncer(objects, queue).announce(CONTAINER, versions, kept)
    assert count == len(queue.gone)
    return [message.detail.path.removeprefix("a.zip/") for message in queue.gone]


def test_a_new_version_should_let_go_what_it_no_longer_holds() -> None:
    objects = FakeObjects()
    write_down(objects, "v_1", "stays.txt", "goes.txt")
    write_down(objects, "v_2", "stays.txt", "comes.txt")
    assert announced(objects, ["v_1"], ["v_2"]) == ["goes.txt"]


def test_a_deleted_container_should_let_go_what_any_version_held() -> None:
    objects = FakeObjects()
    write_down(objects, "v_1", "a.txt", "b.txt")
    write_down(objects, "v_2", "b.txt", "c.txt")
    assert sorted(announced(objects, ["v_1", "v_2"], [])) == ["a.txt", "b.txt", "c.txt"]


def test_a_document_without_members_should_send_nothing() -> None:
    assert announced(FakeObjects(), ["v_1"], ["v_2"]) == []
    assert read_members(FakeObjects(), CONTAINER, "v_1") == ()


class World:
    def __init__(self, records: IngestTable, table: DynamoTable) -> None:
        self.records = records
        self.table = table
        self.objects = FakeObjects()
        self.remover = FakeRemover()

    def claim(self, key: str, **told: object) -> str:
        asked = work(key=key).model_copy(update=told)
        arn = execution_arn(MACHINE, f"{asked.version}-1")
        self.records.claim(IngestClaim(asked, 1, arn, NOW), 20)
        return asked.version

    def grow(self, name: str, chunks: int) -> None:
        key = document_key(PLACE.tenant, member(name).document_id)
        self.table.update(Update(key, "SET #chunks = :chunks", {":chunks": chunks}))

    def remove(self, name: str, *versions: str) -> bool:
        removal = MemberRemover(
            self.records, self.objects, lambda bucket: self.remover, self.remover.later
        )
        return removal.remove(gone(name, *versions))


@pytest.fixture
def world(records: IngestTable, table: DynamoTable) -> World:
    return World(records, table)


def test_a_member_of_a_deleted_container_should_be_removed(world: World) -> None:
    world.claim(member("a.txt").key, container=PLACE.document_id, depth=1)
    assert world.remove("a.txt")
    assert world.remover.removed == [member("a.txt").document_id]


def test_a_large_member_should_be_removed_by_a_job(world: World) -> None:
    world.claim(member("a.csv").key, container=PLACE.document_id, depth=1)
    world.grow("a.csv", MAX_CHUNKS_AT_ONCE)
    assert world.remove("a.csv")
    assert (world.remover.removed, world.remover.jobs) == ([member("a.csv").document_id], [])
    world.grow("a.csv", MAX_CHUNKS_AT_ONCE + 1)
    assert world.remove("a.csv")
    assert len(world.remover.removed) == 1
    (job,) = world.remover.jobs
    assert (job.kind, job.document_id) == ("remove_document", member("a.csv").document_id)
    assert job.bound == RemovalBound(order="1", newest="newest")
    assert job.correlation_id == PLACE.document_id


def test_a_member_that_the_newest_version_holds_again_should_stay(world: World) -> None:
    world.claim(member("a.txt").key, container=PLACE.document_id, depth=1)
    write_down(world.objects, world.claim(PLACE.key), "a.txt")
    assert not world.remove("a.txt")
    assert world.remover.removed == []


def test_a_container_that_is_being_deleted_should_not_hold_its_members(world: World) -> None:
    world.claim(member("a.txt").key, container=PLACE.document_id, depth=1)
    version = world.claim(PLACE.key)
    write_down(world.objects, version, "a.txt")
    assert world.remove("a.txt", version)


def test_a_file_that_its_owner_put_there_should_stay(world: World) -> None:
    world.claim(member("a.txt").key)
    assert not world.remove("a.txt")
    assert world.remover.removed == []


def test_a_member_whose_event_is_on_its_way_should_lose_its_object(world: World) -> None:
    world.objects.write(BUCKET, member("a.txt").key, b"a", {"container": PLACE.document_id})
    world.objects.write(BUCKET, member("own.txt").key, b"b", {})
    assert world.remove("a.txt")
    assert not world.remove("own.txt")
    assert not world.remove("never.txt")
    assert world.objects.bodies == {member("own.txt").key: b"b"}

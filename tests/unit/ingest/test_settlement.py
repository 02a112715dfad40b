from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Update, Value
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.writes import document_key, tenant_key, version_key
from chalicelib.contracts.arrivals import ExecutionEnded, ExecutionStatus
from chalicelib.contracts.events import DocumentFailed, DocumentReady, DocumentRejected
from chalicelib.contracts.inbox_metadata import Member
from chalicelib.contracts.indexes import IndexRef, Vector
from chalicelib.contracts.ingest import IngestInput, VectorMetadata
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.receipts import Receipt
from chalicelib.ingest.departures import DepartureAnnouncer
from chalicelib.ingest.settlement import (
    GRACE,
    REJECTED,
    IngestSettler,
    SettledIngest,
    pending_event,
)
from chalicelib.jobs.ingest_claims import IngestClaim, execution_arn
from chalicelib.jobs.ingest_settlement import IngestSettlement, IngestSlot
from chalicelib.retrieval.ids import chunks_key, members_key, sound_key, vector_key
from tests.unit.ingest.examples import BUCKET, MACHINE, NOW, version, work
from tests.unit.ingest.fakes import (
    INDEX,
    FakeBus,
    FakeExecutions,
    FakeObjects,
    FakeQueue,
    FakeRemover,
    FakeVectors,
)


@dataclass
class World:
    records: IngestTable
    table: DynamoTable
    executions: FakeExecutions = field(default_factory=FakeExecutions)
    objects: FakeObjects = field(default_factory=FakeObjects)
    vectors: FakeVectors = field(default_factory=FakeVectors)
    queue: FakeQueue = field(default_factory=FakeQueue)
    bus: FakeBus = field(default_factory=FakeBus)
    remover: FakeRemover = field(default_factory=FakeRemover)
    later: timedelta = timedelta()
    ready: list[tuple[str, str]] = field(default_factory=list)

    @property
    def settlements(self) -> IngestSettler:
        return IngestSettler(
            records=self.records,
            tenants=self.records,
            executions=self.executions,
            objects=self.objects,
            vectors=self.vectors,
            departures=DepartureAnnouncer(self.objects, self.queue),
            remover=lambda bucket: self.remover,
            bus=self.bus,
            ready=lambda work, version: self.ready.append((work.version, version.version)),
            now=lambda: NOW + self.later,
        )

    def claim(self, **details: str) -> IngestSlot:
        asked = work(**details)
        arn = execution_arn(MACHINE, f"{asked.version}-1")
        self.records.claim(IngestClaim(asked, 1, arn, NOW), 20)
        found = self.records.place(arn)
        assert found is not None
        return found

    def index(self, asked: IngestInput, chunks: int) -> None:
        """Do as the functions do: write chunks, put vectors."""
        place = (asked.tenant, asked.document_id, asked.version)
        self.objects.write(BUCKET, chunks_key(*place), b"", {"lines": str(chunks)})
        for n in range(chunks):
            key = vector_key(asked.document_id, asked.version, n)
            metadata = VectorMetadata(
                document_id=asked.document_id,
                version=asked.version,
                collection=asked.collection,
                path=asked.path,
                page=1,
                heading="",
                start=0,
                end=1,
                text="x",
            )
            self.vectors.put(INDEX, [Vector(key, [1.0], metadata)])

    def mark_ready(self, asked: IngestInput, chunks: int) -> None:
        """Do as MarkReady does."""
        facts: dict[str, Value] = {":ready": "ready", ":chunks": chunks, ":version": asked.version}
        change = "SET #status = :ready, #chunks = :chunks, #version = :version"
        for key in (
            version_key(asked.tenant, asked.document_id, asked.version),
            document_key(asked.tenant, asked.document_id),
        ):
            self.table.update(Update(key, change, facts))

    def mark_ready_behind_newer(self, asked: IngestInput) -> None:
        """Do as MarkReadyBehindNewer does, which leaves the document's status alone."""
        key = version_key(asked.tenant, asked.document_id, asked.version)
        self.table.update(Update(key, "SET #status = :ready", {":ready": "ready"}))
        key = document_key(asked.tenant, asked.document_id)
        self.table.update(Update(key, "SET #version = :version", {":version": asked.version}))

    def shown(self, asked: IngestInput) -> str:
        document = self.records.document(asked.tenant, asked.document_id)
        assert document is not None
        return document.status

    def status(self, asked: IngestInput) -> str:
        version = self.records.version(asked.tenant, asked.document_id, asked.version)
        assert version is not None
        return version.status

    def places(self) -> int:
        counter = self.table.get(("ADMISSION", "ingest"))
        assert counter is not None
        assert counter["running"] == len(list(self.records.running()))
        return int(counter["running"])


@pytest.fixture
def world(records: IngestTable, table: DynamoTable) -> World:
    return World(records, table)


def ended(running: IngestSlot, status: str = "SUCCEEDED") -> ExecutionEnded:
    detail = {"executionArn": running.execution_arn, "status": status}
    return ExecutionEnded.model_validate({"id": "e", "detail": detail})


def test_an_execution_gives_its_place_back_exactly_once(world: World) -> None:
    running = world.claim()
    world.claim(key="inbox/acme/default/other.md")
    world.mark_ready(running.work, chunks=0)
    assert world.settlements.settle_event(ended(running)) == SettledIngest("ready")
    assert world.settlements.settle_event(ended(running)) is None
    assert world.settlements.settle(running, "SUCCEEDED") is None
    assert world.places() == 1
    assert set(world.ready) == {(running.work.version, running.work.version)}


def test_a_stopped_execution_is_recorded_and_announced_as_failed(world: World) -> None:
    running = world.claim()
    world.settlements.settle_event(ended(running, "ABORTED"))
    document = world.records.document("acme", running.work.document_id)
    assert document is not None
    advice = f"Trying again may help: `headrace retry {document.document_id}`."
    assert (document.status, document.reason) == ("failed", f"The ingest was stopped. {advice}")
    assert world.status(running.work) == "failed"
    assert world.ready == []
    (event,) = world.bus.events
    assert isinstance(event, DocumentFailed)
    assert event.version == running.work.version


def test_the_newest_version_that_was_taken_for_an_older_one_becomes_ready(world: World) -> None:
    running = world.claim()
    world.mark_ready_behind_newer(running.work)
    assert world.shown(running.work) == "processing"
    assert world.settlements.settle_event(ended(running))
    assert (world.shown(running.work), world.status(running.work)) == ("ready", "ready")
    assert world.bus.events == []


def test_an_older_version_that_answers_leaves_its_document_waiting(world: World) -> None:
    old = world.claim(version_id="old", sequencer="01")
    world.claim(version_id="new", sequencer="02")
    world.mark_ready_behind_newer(old.work)
    assert world.settlements.settle_event(ended(old))
    assert world.shown(old.work) == "processing"


def test_the_newest_version_whose_end_was_never_recorded_is_a_failure_to_try_again(
    world: World,
) -> None:
    running = world.claim()
    assert world.settlements.settle_event(ended(running))
    assert (world.shown(running.work), world.status(running.work)) == ("failed", "failed")
    (event,) = world.bus.events
    assert isinstance(event, DocumentFailed)
    assert "headrace retry" in event.reason


def test_a_failure_of_an_older_version_does_not_show_on_the_document(world: World) -> None:
    old = world.claim(version_id="old", sequencer="01")
    world.claim(version_id="new", sequencer="02")
    world.settlements.settle_event(ended(old, "FAILED"))
    document = world.records.document("acme", old.work.document_id)
    assert document is not None
    assert document.status == "processing"
    assert world.status(old.work) == "failed"


def test_the_replaced_version_loses_its_vectors_and_the_new_one_keeps_them(world: World) -> None:
    old = world.claim(version_id="old", sequencer="01")
    world.index(old.work, 3)
    world.mark_ready(old.work, chunks=3)
    world.settlements.settle_event(ended(old))
    assert len(world.vectors.kept) == 3

    new = world.claim(version_id="new", sequencer="02")
    world.index(new.work, 2)
    world.mark_ready(new.work, chunks=2)
    world.settlements.settle_event(ended(new))
    assert {key.split("/")[1] for key in world.vectors.kept} == {new.work.version}
    assert len(world.vectors.kept) == 2


def test_the_replaced_picture_loses_its_vector_by_a_model_too(world: World) -> None:
    pictures = IndexRef(INDEX.bucket, "acme-pictures.emoji-clip.64", "emoji-clip")
    noted = "ADD #picture_indexes :index"
    world.table.update(Update(tenant_key("acme"), noted, {":index": frozenset({pictures.name})}))
    for name in ("old", "new"):
        running = world.claim(version_id=name, sequencer="01" if name == "old" else "02")
        world.index(running.work, 1)
        world.vectors.of(pictures).update(
            {key: each for key, each in world.vectors.kept.items() if running.work.version in key}
        )
        world.mark_ready(running.work, chunks=1)
        world.settlements.settle_event(ended(running))
    assert len(world.vectors.of(pictures)) == 1
    assert world.vectors.of(pictures).keys() == world.vectors.kept.keys()


def test_the_version_that_answers_keeps_its_vectors_while_a_newer_one_fails(world: World) -> None:
    good = world.claim(version_id="good", sequencer="01")
    world.index(good.work, 3)
    world.mark_ready(good.work, chunks=3)
    world.settlements.settle_event(ended(good))

    bad = world.claim(version_id="bad", sequencer="02")
    world.index(bad.work, 5)
    world.settlements.settle_event(ended(bad, "TIMED_OUT"))
    assert {key.split("/")[1] for key in world.vectors.kept} == {good.work.version}


def test_an_overtaken_version_is_superseded_and_cleared(world: World) -> None:
    old = world.claim(version_id="old", sequencer="01")
    world.index(old.work, 4)
    world.claim(version_id="new", sequencer="02")
    world.settlements.settle_event(ended(old))
    assert world.status(old.work) == "superseded"
    assert not world.vectors.kept
    assert not world.bus.events


def test_what_an_ingest_wrote_for_a_deleted_document_is_removed(world: World) -> None:
    running = world.claim()
    asked = running.work
    world.index(asked, 2)
    world.table.delete(Delete(version_key(asked.tenant, asked.document_id, asked.version)))
    world.table.delete(Delete(document_key(asked.tenant, asked.document_id)))
    assert world.settlements.settle_event(ended(running)) == SettledIngest()
    assert not world.vectors.kept
    assert not world.objects.bodies
    assert world.records.version(asked.tenant, asked.document_id, asked.version) is None
    assert world.places() == 0


@pytest.mark.parametrize("status", ["rejected", "failed"])
def test_only_a_rejected_version_loses_the_parts_that_nothing_will_join(
    world: World, status: str
) -> None:
    running = world.claim()
    asked = running.work
    place = (asked.tenant, asked.document_id, asked.version)
    sound = sound_key(*place, 1)
    for key in (asked.key, sound):
        world.objects.write(BUCKET, key, b"sound", {})
    change = Update(version_key(*place), "SET #status = :status", {":status": status})
    world.table.update(change)

    world.settlements.settle_event(ended(running))

    assert (sound in world.objects.bodies) == (status == "failed")


@pytest.mark.parametrize("is_there", [True, False])
def test_an_upload_that_was_removed_while_its_event_was_taken_leaves_nothing(
    world: World, *, is_there: bool
) -> None:
    running = world.claim()
    if is_there:
        world.objects.bodies[running.work.key] = b"locked"
    for key in (
        version_key("acme", running.work.document_id, running.work.version),
        document_key("acme", running.work.document_id),
    ):
        world.table.update(Update(key, "SET #status = :rejected", {":rejected": "rejected"}))
    world.settlements.settle_event(ended(running))
    assert world.remover.removed == [running.work.document_id] * (not is_there)
    assert world.places() == 0


def test_the_sweeper_leaves_young_and_running_executions_alone(world: World) -> None:
    running = world.claim()
    world.executions.start(f"{running.work.version}-1", running.work)
    world.executions.ends[f"{running.work.version}-1"] = "FAILED"
    assert world.settlements.sweep(running) == "left"
    world.later = GRACE
    del world.executions.ends[f"{running.work.version}-1"]
    assert world.settlements.sweep(running) == "left"
    assert world.places() == 1


def test_the_sweeper_settles_what_ended_unnoticed(world: World) -> None:
    running = world.claim()
    world.executions.start(f"{running.work.version}-1", running.work)
    world.executions.ends[f"{running.work.version}-1"] = "TIMED_OUT"
    world.later = GRACE
    assert world.settlements.sweep(running) == SettledIngest("failed")
    assert world.status(running.work) == "failed"
    assert world.places() == 0


def test_the_sweeper_starts_what_was_claimed_and_never_started(world: World) -> None:
    running = world.claim()
    world.later = GRACE
    assert world.settlements.sweep(running) == "started"
    assert world.executions.started == {f"{running.work.version}-1": running.work}
    assert world.places() == 1


def test_files_that_the_replacing_version_no_longer_holds_are_let_go(world: World) -> None:
    old = world.claim(version_id="old", sequencer="01")
    world.mark_ready(old.work, chunks=0)
    world.settlements.settle_event(ended(old))
    new = world.claim(version_id="new", sequencer="02")
    for asked, names in ((old.work, ("stays", "goes")), (new.work, ("stays",))):
        held = [Member(document_id=f"doc_{name}", path=name) for name in names]
        key = members_key(asked.tenant, asked.document_id, asked.version)
        world.objects.write(BUCKET, key, dump_lines(held), {})
    assert world.queue.gone == []
    world.mark_ready(new.work, chunks=0)
    world.settlements.settle_event(ended(new))
    assert [message.detail.document_id for message in world.queue.gone] == ["doc_goes"]


def test_files_of_a_container_that_was_deleted_while_it_was_read_are_let_go(world: World) -> None:
    running = world.claim()
    asked = running.work
    key = members_key(asked.tenant, asked.document_id, asked.version)
    world.objects.write(BUCKET, key, dump_lines([Member(document_id="doc_m", path="m")]), {})
    world.table.delete(Delete(document_key(asked.tenant, asked.document_id)))
    world.table.delete(Delete(version_key(asked.tenant, asked.document_id, asked.version)))
    world.settlements.settle_event(ended(running))
    assert [message.detail.document_id for message in world.queue.gone] == ["doc_m"]
    assert key not in world.objects.bodies


FACTS: dict[str, Any] = {
    "media_type": "text/markdown",
    "sha256": "a" * 64,
    "bytes": 9,
    "pages": 1,
    "pages_needing_ocr": 0,
    "chunks": 2,
    "receipt": Receipt.of([]),
}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_version_that_is_ready_should_be_announced_where_its_execution_could_not(
    status: ExecutionStatus,
) -> None:
    event = pending_event(
        work(), version(**FACTS), IngestSettlement(), status, "EventBridge.FailedEntry", NOW
    )
    assert isinstance(event, DocumentReady)
    assert (event.version, event.chunks, event.time) == (work().version, 2, NOW)


def test_a_rejection_should_be_announced_where_its_execution_could_not() -> None:
    found = version(status="rejected", reason="It is locked.")
    event = pending_event(
        work(), found, IngestSettlement(), "FAILED", "EventBridge.FailedEntry", NOW
    )
    assert isinstance(event, DocumentRejected)
    assert (event.error, event.reason) == (REJECTED, "It is locked.")


def test_a_failure_that_is_decided_should_be_announced_with_its_error() -> None:
    decided = IngestSettlement("failed", "too slow")
    for error, told in ((None, "TIMED_OUT"), ("States.Timeout", "States.Timeout")):
        event = pending_event(
            work(), version(status="processing"), decided, "TIMED_OUT", error, NOW
        )
        assert isinstance(event, DocumentFailed)
        assert (event.error, event.reason) == (told, "too slow")


@pytest.mark.parametrize("status", ["ready", "rejected", "failed", "superseded"])
def test_what_an_execution_that_succeeded_recorded_it_has_announced(status: str) -> None:
    found = version(status=status, **FACTS)
    assert pending_event(work(), found, IngestSettlement(), "SUCCEEDED", None, NOW) is None


@pytest.mark.parametrize("status", ["failed", "superseded"])
def test_a_failure_that_the_execution_recorded_is_told_by_it(status: str) -> None:
    assert (
        pending_event(work(), version(status=status), IngestSettlement(), "FAILED", None, NOW)
        is None
    )
    assert pending_event(work(), None, IngestSettlement(), "FAILED", None, NOW) is None

"""What an upload carries beside its bytes, from the object to the execution's input."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Update
from chalicelib.adapters.records.collections import CollectionTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.writes import document_key
from chalicelib.contracts.collections import Declaration, DocumentUsage
from chalicelib.contracts.inbox_metadata import InboxMetadata
from chalicelib.contracts.ingest import IngestInput
from chalicelib.jobs.ingest_claims import with_ready_version
from chalicelib.jobs.ingest_settlement import IngestSettlement
from tests.unit.ingest.examples import BUCKET, KEY, NOW, arrival, document, work
from tests.unit.ingest.test_arrivals import World, retry_of

CONTAINER = "doc_" + "a" * 24
YEARS = Declaration(name="default", fields={"year": "number"}, created_at=NOW, updated_at=NOW)


@pytest.fixture
def world(records: IngestTable, table: DynamoTable) -> World:
    return World(records, table)


def taken(world: World, carried: dict[str, str]) -> IngestInput:
    world.objects.write(BUCKET, KEY, b"x", carried)
    world.take(arrival())
    (started,) = world.executions.started.values()
    return started


def test_an_upload_tells_its_execution_what_it_carries(world: World) -> None:
    carried = InboxMetadata("request-1", {"year": 2024, "tags": ("a",)}, CONTAINER, 2)
    started = taken(world, carried.written())
    assert started.metadata == {"year": 2024, "tags": ("a",)}
    assert (started.container, started.depth, started.refusal) == (CONTAINER, 2, "")
    assert started.correlation_id == "request-1"
    assert started.uploaded_at == datetime(2026, 5, 4, 12, 29, 59, tzinfo=UTC)


def test_the_version_remembers_it_from_its_claim_on(world: World) -> None:
    taken(world, InboxMetadata(metadata={"year": 2024}, container=CONTAINER, depth=1).written())
    version = world.records.version("acme", work().document_id, work().version)
    assert version is not None
    assert (version.metadata, version.container) == ({"year": 2024}, CONTAINER)
    assert version.uploaded_at == datetime(2026, 5, 4, 12, 29, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("carried", "why"),
    [
        ({"metadata": "%%%"}, "neither JSON nor JSON in base64url"),
        ({"metadata": '{"Year": 1}'}, "'Year' is no name"),
        ({"metadata": '{"a": "' + "x" * 300 + '"}'}, "at most 256"),
        ({"container": "elsewhere"}, "no document's id"),
    ],
)
def test_what_is_malformed_starts_an_execution_that_rejects_it(
    world: World, carried: dict[str, str], why: str
) -> None:
    started = taken(world, carried | {"correlation-id": "request-1"})
    assert why in started.refusal
    assert (started.metadata, started.correlation_id) == ({}, "request-1")
    assert world.records.version("acme", work().document_id, work().version) is not None


def test_what_contradicts_its_collection_is_rejected_however_it_came(
    world: World, table: DynamoTable
) -> None:
    CollectionTable(table).declare("acme", YEARS)
    started = taken(world, InboxMetadata(metadata={"year": "last"}).written())
    assert started.refusal == (
        "metadata.year: in the collection default this is a number; 'last' is not."
    )


def test_an_upload_tells_its_execution_the_model_of_its_collection_also_when_tried_again(
    world: World, table: DynamoTable
) -> None:
    assert taken(world, {}).picture_model == ""
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken"), NOW)
    named = YEARS.model_copy(update={"picture_model": "emoji-clip"})
    CollectionTable(table).declare("acme", named)
    world.executions.started.clear()
    world.take(retry_of(work().version))
    (second,) = world.executions.started.values()
    assert second.picture_model == "emoji-clip"
    assert world.records.declaration("acme", "default") == named


def test_another_attempt_carries_the_same(world: World) -> None:
    first = taken(world, InboxMetadata("request-1", {"year": 2024}, CONTAINER, 2).written())
    (place,) = world.records.running()
    world.records.settle(place, IngestSettlement("failed", "broken"), NOW)
    world.executions.started.clear()
    world.take(retry_of(first.version))
    (second,) = world.executions.started.values()
    for name in ("metadata", "container", "depth", "uploaded_at"):
        assert getattr(second, name) == getattr(first, name)
    assert second.correlation_id == "e"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ({"year": 2024}, {"year": 2024}, True),
        ({"a": 1, "b": "x"}, {"b": "x", "a": 1}, True),
        ({"year": 2024}, {"year": 2025}, False),
        ({"year": 2024}, {}, False),
        ({"done": 1}, {"done": True}, False),
    ],
)
def test_the_same_bytes_with_other_metadata_are_news(
    before: dict[str, int], after: dict[str, int], same: bool
) -> None:
    answering = document("v_old", sha256="abc", metadata=before)
    told = with_ready_version(work().model_copy(update={"metadata": after}), answering)
    assert bool(told.ready_sha256) == same


def test_a_document_shows_the_metadata_that_its_record_holds(
    world: World, table: DynamoTable
) -> None:
    taken(world, {})
    shown = Update(
        document_key("acme", work().document_id),
        "SET #metadata = :metadata",
        {":metadata": '{"share": 0.5, "tags": ["a", "b"]}'},
    )
    table.update(shown)
    found = world.records.document("acme", work().document_id)
    assert found is not None
    assert found.metadata == {"share": 0.5, "tags": ("a", "b")}


class TestCollectionRecords:
    def test_a_declaration_is_kept_until_it_is_forgotten(self, table: DynamoTable) -> None:
        records = CollectionTable(table)
        records.declare("acme", YEARS)
        assert records.declaration("acme", "default") == YEARS
        assert list(records.declarations("acme")) == [YEARS]
        assert records.declaration("rival", "default") is None
        records.forget("acme", "default")
        records.forget("acme", "default")
        assert list(records.declarations("acme")) == []

    def test_what_counts_of_a_document_is_yielded(self, world: World, table: DynamoTable) -> None:
        taken(world, {})
        (held,) = CollectionTable(table).held("acme")
        assert held == DocumentUsage("default", "processing", bytes=20)
        assert list(CollectionTable(table).held("rival")) == []

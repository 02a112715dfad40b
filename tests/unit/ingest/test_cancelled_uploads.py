"""A document that is deleted while its upload was announced and has not come stays away."""

from __future__ import annotations

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.ingest.arrivals import ArrivalResult
from tests.unit.ingest.examples import BUCKET, KEY, NOW, arrival, work
from tests.unit.ingest.simulation import VersionedObjects
from tests.unit.ingest.test_arrivals import World

DOCUMENT = work().document_id


@pytest.fixture
def world(records: IngestTable, table: DynamoTable) -> World:
    made = World(records, table)
    made.objects.write(BUCKET, KEY, b"x", {"correlation-id": "request-1"})
    made.objects.version = work().object_version_id
    return made


def _announced(table: DynamoTable) -> list[str]:
    return [str(item["sk"]) for item in table.query("TENANT#acme", "UPLOAD#")]


def test_an_upload_that_was_cancelled_is_removed_when_it_comes(world: World) -> None:
    world.records.announce_upload("acme", DOCUMENT, "request-1", NOW)
    assert world.records.cancel_uploads("acme", DOCUMENT) == 1
    assert world.take(arrival()) is ArrivalResult.IGNORED
    assert world.records.document("acme", DOCUMENT) is None
    assert list(world.records.versions("acme", DOCUMENT)) == []
    assert (world.executions.started, world.objects.bodies, world.running()) == ({}, {}, 0)


def test_an_upload_that_is_announced_later_comes(world: World) -> None:
    world.records.announce_upload("acme", DOCUMENT, "request-0", NOW)
    world.records.cancel_uploads("acme", DOCUMENT)
    world.records.announce_upload("acme", DOCUMENT, "request-1", NOW)
    assert world.take(arrival()) is ArrivalResult.STARTED
    assert world.take(arrival()) is ArrivalResult.REPEATED
    assert [sk.rpartition("#")[2] for sk in _announced(world.table)] == ["request-0"]


def test_a_cancelled_upload_that_comes_late_takes_no_other_with_it(world: World) -> None:
    objects = VersionedObjects()
    objects.put(KEY, "wanted", b"x", {"correlation-id": "request-2"})
    objects.put(KEY, "late", b"x", {"correlation-id": "request-1"})
    world.objects, world.is_there = objects, False  # type: ignore[assignment]
    world.records.announce_upload("acme", DOCUMENT, "request-1", NOW)
    world.records.cancel_uploads("acme", DOCUMENT)
    world.records.announce_upload("acme", DOCUMENT, "request-2", NOW)
    assert world.take(arrival(version_id="late")) is ArrivalResult.IGNORED
    assert world.take(arrival(version_id="wanted")) is ArrivalResult.STARTED
    assert objects.versions_until(BUCKET, KEY) == ["wanted"]


def test_an_announcement_ends_with_its_upload_and_expires_without_it(world: World) -> None:
    world.records.announce_upload("acme", DOCUMENT, "request-1", NOW)
    (item,) = world.table.query("TENANT#acme", "UPLOAD#")
    assert item["expires_at"] - NOW.timestamp() > 14 * 86_400
    world.take(arrival())
    assert _announced(world.table) == []
    assert world.records.cancel_uploads("acme", DOCUMENT) == 0

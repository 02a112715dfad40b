from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.errors import AwsError
from localcloud.s3.changes import Draft, sequence_of, version_id_for
from localcloud.s3.conditions import WriteCondition
from localcloud.s3.events import Cause
from localcloud.s3.schema import Details, Extent, Layout, Part, Upload
from localcloud.s3.store import Store

CAUSE = Cause("PutObject", "R", "000000000000", "127.0.0.1")
ANY = WriteCondition()


def opened(folder: Path) -> Store:
    return Store(folder, lambda: 1_700_000_000.0, lambda: None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path)
    made.database.write("INSERT INTO buckets VALUES ('photos', 0, '', 1)")
    yield made
    made.database.close()


def blob(store: Store, data: bytes = b"hello") -> Extent:
    with store.blobs.receive() as incoming:
        incoming.write(data)
        return incoming.keep()


def draft(*extents: Extent, key: str = "k") -> Draft:
    size = sum(extent.length for extent in extents)
    return Draft("photos", key, "e", size, Details(), {}, Layout(extents))


def part_of(store: Store, upload: Upload, number: int, extent: Extent) -> None:
    store.add_part(upload, Part(number, "e", extent.length, 0, "", (extent,)))


def events(store: Store) -> int:
    return len(store.database.read("SELECT * FROM outbox"))


def test_what_nothing_is_made_of_is_removed_at_the_start(store: Store, tmp_path: Path) -> None:
    kept, part, orphan = blob(store), blob(store), blob(store)
    store.write(draft(kept), ANY, CAUSE)
    part_of(store, store.create_upload("photos", "u", Details(), {}), 1, part)
    store.database.close()
    again = opened(tmp_path)
    assert set(again.blobs.names()) == {kept.blob, part.blob}
    assert orphan.blob not in again.blobs.names()
    again.database.close()


def test_a_replaced_object_leaves_no_bytes(store: Store) -> None:
    first, second = blob(store), blob(store)
    store.write(draft(first), ANY, CAUSE)
    store.write(draft(second), ANY, CAUSE)
    assert list(store.blobs.names()) == [second.blob]


def test_shared_bytes_go_with_the_last_object_made_of_them(store: Store) -> None:
    shared = blob(store)
    store.write(draft(shared), ANY, CAUSE)
    store.write(draft(shared, key="copy"), ANY, CAUSE)
    store.delete("photos", "k", ANY, CAUSE)
    assert list(store.blobs.names()) == [shared.blob]
    store.delete("photos", "copy", ANY, CAUSE)
    assert list(store.blobs.names()) == []


def test_a_copy_of_what_is_deleted_meanwhile_keeps_the_bytes(store: Store) -> None:
    source = blob(store)
    reading = store.open(store.write(draft(source), ANY, CAUSE))
    assert reading is not None
    store.delete("photos", "k", ANY, CAUSE)
    store.write(draft(source, key="copy"), ANY, CAUSE)
    reading.close()
    assert list(store.blobs.names()) == [source.blob]


def test_a_refused_write_changes_nothing_and_tells_nothing(store: Store) -> None:
    store.write(draft(blob(store)), ANY, CAUSE)
    before = events(store)
    with pytest.raises(AwsError, match="PreconditionFailed"):
        store.write(draft(blob(store)), WriteCondition(if_none_match="*"), CAUSE)
    assert events(store) == before


def test_an_upload_whose_part_was_replaced_meanwhile_is_not_completed(store: Store) -> None:
    upload = store.create_upload("photos", "k", Details(), {})
    chosen = blob(store)
    part_of(store, upload, 1, chosen)
    part_of(store, upload, 1, blob(store))
    with pytest.raises(AwsError, match="InvalidPart"):
        store.write(draft(chosen), ANY, CAUSE, completes=upload)


def test_the_bytes_of_parts_that_an_object_does_not_use_are_removed(store: Store) -> None:
    upload = store.create_upload("photos", "k", Details(), {})
    used, unused = blob(store), blob(store)
    part_of(store, upload, 1, used)
    part_of(store, upload, 2, unused)
    store.write(draft(used), ANY, CAUSE, completes=upload)
    assert list(store.blobs.names()) == [used.blob]


def test_deleting_what_is_not_there_tells_nothing(store: Store) -> None:
    assert store.delete("photos", "nothing", ANY, CAUSE) is None
    assert events(store) == 0


def test_a_version_id_holds_its_place() -> None:
    assert sequence_of(version_id_for(12)) == 12
    assert sequence_of("null") is None
    assert sequence_of("z" * 32) is None

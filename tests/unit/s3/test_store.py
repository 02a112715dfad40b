from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.errors import AwsError
from localcloud.s3.event_notifications import ChangeCause
from localcloud.s3.storage.conditions import ConditionalWrite
from localcloud.s3.storage.records import (
    BlobExtent,
    MultipartUploadRecord,
    ObjectLayout,
    ObjectMetadata,
    UploadedPart,
)
from localcloud.s3.storage.store import S3Store
from localcloud.s3.storage.transactions import NewVersion, new_version_id, version_sequence

CAUSE = ChangeCause("PutObject", "R", "000000000000", "127.0.0.1")
ANY = ConditionalWrite()


def opened(folder: Path) -> S3Store:
    return S3Store(folder, lambda: 1_700_000_000.0, lambda: None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3Store]:
    made = opened(tmp_path)
    made.database.write("INSERT INTO buckets VALUES ('photos', 0, '', 1)")
    yield made
    made.database.close()


def blob(store: S3Store, data: bytes = b"hello") -> BlobExtent:
    with store.blobs.new_blob() as incoming:
        incoming.write(data)
        return incoming.commit()


def draft(*extents: BlobExtent, key: str = "k") -> NewVersion:
    size = sum(extent.length for extent in extents)
    return NewVersion("photos", key, "e", size, ObjectMetadata(), {}, ObjectLayout(extents))


def part_of(store: S3Store, upload: MultipartUploadRecord, number: int, extent: BlobExtent) -> None:
    store.add_part(upload, UploadedPart(number, "e", extent.length, 0, "", (extent,)))


def events(store: S3Store) -> int:
    return len(store.database.read("SELECT * FROM outbox"))


def test_what_nothing_is_made_of_is_removed_at_the_start(store: S3Store, tmp_path: Path) -> None:
    kept, part, orphan = blob(store), blob(store), blob(store)
    store.write(draft(kept), ANY, CAUSE)
    part_of(store, store.create_upload("photos", "u", ObjectMetadata(), {}), 1, part)
    store.database.close()
    again = opened(tmp_path)
    assert set(again.blobs.names()) == {kept.blob, part.blob}
    assert orphan.blob not in again.blobs.names()
    again.database.close()


def test_a_replaced_object_leaves_no_bytes(store: S3Store) -> None:
    first, second = blob(store), blob(store)
    store.write(draft(first), ANY, CAUSE)
    store.write(draft(second), ANY, CAUSE)
    assert list(store.blobs.names()) == [second.blob]


def test_shared_bytes_go_with_the_last_object_made_of_them(store: S3Store) -> None:
    shared = blob(store)
    store.write(draft(shared), ANY, CAUSE)
    store.write(draft(shared, key="copy"), ANY, CAUSE)
    store.delete("photos", "k", ANY, CAUSE)
    assert list(store.blobs.names()) == [shared.blob]
    store.delete("photos", "copy", ANY, CAUSE)
    assert list(store.blobs.names()) == []


def test_a_copy_of_what_is_deleted_meanwhile_keeps_the_bytes(store: S3Store) -> None:
    source = blob(store)
    reading = store.open(store.write(draft(source), ANY, CAUSE))
    assert reading is not None
    store.delete("photos", "k", ANY, CAUSE)
    store.write(draft(source, key="copy"), ANY, CAUSE)
    reading.close()
    assert list(store.blobs.names()) == [source.blob]


def test_a_refused_write_changes_nothing_and_tells_nothing(store: S3Store) -> None:
    store.write(draft(blob(store)), ANY, CAUSE)
    before = events(store)
    with pytest.raises(AwsError, match="PreconditionFailed"):
        store.write(draft(blob(store)), ConditionalWrite(if_none_match="*"), CAUSE)
    assert events(store) == before


def test_an_upload_whose_part_was_replaced_meanwhile_is_not_completed(store: S3Store) -> None:
    upload = store.create_upload("photos", "k", ObjectMetadata(), {})
    chosen = blob(store)
    part_of(store, upload, 1, chosen)
    part_of(store, upload, 1, blob(store))
    with pytest.raises(AwsError, match="InvalidPart"):
        store.write(draft(chosen), ANY, CAUSE, completes=upload)


def test_the_bytes_of_parts_that_an_object_does_not_use_are_removed(store: S3Store) -> None:
    upload = store.create_upload("photos", "k", ObjectMetadata(), {})
    used, unused = blob(store), blob(store)
    part_of(store, upload, 1, used)
    part_of(store, upload, 2, unused)
    store.write(draft(used), ANY, CAUSE, completes=upload)
    assert list(store.blobs.names()) == [used.blob]


def test_deleting_what_is_not_there_tells_nothing(store: S3Store) -> None:
    assert store.delete("photos", "nothing", ANY, CAUSE) is None
    assert events(store) == 0


def test_a_version_id_holds_its_place() -> None:
    assert version_sequence(new_version_id(12)) == 12
    assert version_sequence("null") is None
    assert version_sequence("z" * 32) is None

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.s3.storage.blobs import BlobStore
from localcloud.s3.storage.records import BlobExtent


class Freed(list[set[str]]):
    """What the store said is free."""


@pytest.fixture
def freed() -> Freed:
    return Freed()


@pytest.fixture
def store(tmp_path: Path, freed: Freed) -> BlobStore:
    return BlobStore(tmp_path, freed.append)


def kept(store: BlobStore, data: bytes) -> BlobExtent:
    with store.new_blob() as incoming:
        incoming.write(data)
        return incoming.commit()


def test_a_kept_blob_is_read_back(store: BlobStore) -> None:
    extent = kept(store, b"hello")
    content = store.open([extent])
    assert content is not None
    with content:
        assert b"".join(content) == b"hello"
    assert list(store.names()) == [extent.blob]


def test_a_blob_that_was_not_kept_leaves_nothing(store: BlobStore, tmp_path: Path) -> None:
    with store.new_blob() as incoming:
        incoming.write(b"hello")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path, freed: Freed) -> None:
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "half").write_bytes(b"hel")
    BlobStore(tmp_path, freed.append)
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_dropped_blob_stays_until_its_last_reader_closes(store: BlobStore, freed: Freed) -> None:
    extent = kept(store, b"hello")
    one, two = store.open([extent]), store.open([extent])
    assert one is not None
    assert two is not None
    store.drop(extent.blob)
    one.close()
    one.close()
    assert freed == []
    assert b"".join(two) == b"hello"
    two.close()
    assert freed == [{extent.blob}]
    store.drop(extent.blob)
    assert list(store.names()) == []


def test_a_blob_that_is_gone_cannot_be_opened(store: BlobStore) -> None:
    extent = kept(store, b"hello")
    store.drop(extent.blob)
    assert store.open([extent]) is None

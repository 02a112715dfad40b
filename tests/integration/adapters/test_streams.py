"""Objects that do not fit into memory, against the local cloud."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.adapters import s3_streams
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.errors import NotFound, Transient
from tests.cloud import CloudProcess

MEBIBYTE = 2**20
BODY = bytes(range(256)) * 4 * 1024 * 13  # 13 MiB


@pytest.fixture
def bucket(cloud: CloudProcess) -> str:
    """Return an empty bucket that keeps versions."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def objects(cloud: CloudProcess) -> StreamedObjects:
    return StreamedObjects(cloud.client("s3"))


def test_a_download_is_the_version_that_was_asked_for(
    objects: StreamedObjects, cloud: CloudProcess, bucket: str, tmp_path: Path
) -> None:
    s3 = cloud.client("s3")
    version = s3.put_object(Bucket=bucket, Key="a", Body=BODY)["VersionId"]
    s3.put_object(Bucket=bucket, Key="a", Body=b"newer")
    found = objects.download(bucket, "a", version, tmp_path / "old", len(BODY))
    assert (found.sha256, found.size) == (hashlib.sha256(BODY).hexdigest(), len(BODY))
    assert (tmp_path / "old").read_bytes() == BODY
    assert objects.download(bucket, "a", None, tmp_path / "new", 100).size == 5


def test_a_download_ends_where_it_gets_too_large(
    objects: StreamedObjects, cloud: CloudProcess, bucket: str, tmp_path: Path
) -> None:
    cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=BODY)
    assert objects.download(bucket, "a", None, tmp_path / "a", MEBIBYTE).size == MEBIBYTE + 1
    assert (tmp_path / "a").stat().st_size == MEBIBYTE + 1


def test_a_stream_is_a_range_in_pieces(
    objects: StreamedObjects, cloud: CloudProcess, bucket: str
) -> None:
    cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=BODY)
    pieces = list(objects.stream(bucket, "a", 100, 3 * MEBIBYTE))
    assert b"".join(pieces) == BODY[100 : 3 * MEBIBYTE]
    assert max(map(len, pieces)) <= s3_streams.CHUNK_BYTES
    assert b"".join(objects.stream(bucket, "a", len(BODY) - 7)) == BODY[-7:]
    assert b"".join(objects.stream(bucket, "a")) == BODY
    assert list(objects.stream(bucket, "a", len(BODY))) == []
    assert list(objects.stream(bucket, "a", 10**12)) == []


def test_what_is_not_there_is_not_found(
    objects: StreamedObjects, bucket: str, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        objects.download(bucket, "missing", None, tmp_path / "a", 10)
    with pytest.raises(NotFound):
        list(objects.stream(bucket, "missing"))


@pytest.mark.parametrize("size", [0, 1, len(BODY)])
def test_an_upload_of_pieces_is_one_object(
    objects: StreamedObjects,
    cloud: CloudProcess,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    size: int,
) -> None:
    monkeypatch.setattr(s3_streams, "UPLOAD_PART_BYTES", 5 * MEBIBYTE)
    pieces = (BODY[at : min(at + 70_001, size)] for at in range(0, size, 70_001))
    assert objects.upload(bucket, "a", pieces, {"lines": "3"}) == size
    answer = cloud.client("s3").get_object(Bucket=bucket, Key="a")
    assert (answer["Body"].read(), answer["Metadata"]) == (BODY[:size], {"lines": "3"})


def test_an_upload_that_breaks_off_leaves_nothing(
    objects: StreamedObjects, cloud: CloudProcess, bucket: str
) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"some"
        raise Transient("no more")

    with pytest.raises(Transient):
        objects.upload(bucket, "a", breaking(), {})
    s3 = cloud.client("s3")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)

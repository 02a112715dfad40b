"""Copies between buckets, and what is said where S3 refuses, against the local cloud."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from chalicelib.adapters import s3_transfers
from chalicelib.adapters.s3_transfers import S3Transfers
from chalicelib.errors import Conflict, NotFound
from chalicelib.schedules.locations import S3Location
from tests.cloud import CloudProcess


@pytest.fixture
def s3(cloud: CloudProcess) -> Any:
    return cloud.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"t-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


def body_of(s3: Any, at: S3Location) -> bytes:
    body: bytes = s3.get_object(Bucket=at.bucket, Key=at.key)["Body"].read()
    return body


def test_objects_should_be_listed_in_order_behind_a_key_without_folders(
    s3: Any, bucket: str
) -> None:
    for key in ("in/", "in/ü", "in/b/", "in/b/c", "in/a", "inner/x", "in/\U00010000", "in/\uffff"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"text")
    transfers = S3Transfers(s3)
    found = list(transfers.listed(S3Location(bucket, "in")))
    keys = ["in/a", "in/b/c", "in/ü", "in/\uffff", "in/\U00010000"]
    assert [each.key for each in found] == keys == sorted(keys)
    assert {each.size for each in found} == {4}
    behind = transfers.listed(S3Location(bucket, "in/"), after="in/b/c")
    assert [each.key for each in behind] == keys[2:]


def test_a_copy_should_leave_metadata_and_tags_behind_and_hold_to_the_etag(
    s3: Any, bucket: str
) -> None:
    source, target = S3Location(bucket, "a +%2F ü.txt"), S3Location(bucket, "b/ü &+.txt")
    s3.put_object(
        Bucket=bucket, Key=source.key, Body=b"text", Metadata={"container": "x"}, Tagging="a=b"
    )
    transfers = S3Transfers(s3)
    (listed,) = transfers.listed(S3Location(bucket, ""))
    transfers.copy(source, target, etag=listed.etag, size=4)
    assert body_of(s3, target) == b"text"
    assert s3.head_object(Bucket=bucket, Key=target.key)["Metadata"] == {}
    assert s3.get_object_tagging(Bucket=bucket, Key=target.key)["TagSet"] == []
    s3.put_object(Bucket=bucket, Key=source.key, Body=b"other")
    with pytest.raises(Conflict):
        transfers.copy(source, target, etag=listed.etag, size=4)
    assert body_of(s3, target) == b"text"


def test_a_large_object_should_be_copied_in_parts_whole_or_not_at_all(
    s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_transfers, "MAX_COPY_BYTES", 1)
    monkeypatch.setattr(s3_transfers, "PART_BYTES", 5 * 1024**2)
    body = bytes(range(256)) * 44_000
    source, target = S3Location(bucket, "a"), S3Location(bucket, "b")
    s3.put_object(Bucket=bucket, Key="a", Body=body)
    transfers = S3Transfers(s3)
    (listed,) = transfers.listed(S3Location(bucket, ""))
    transfers.copy(source, target, etag=listed.etag, size=len(body))
    assert body_of(s3, target) == body
    with pytest.raises(Conflict):
        transfers.copy(source, S3Location(bucket, "c"), etag='"0"', size=len(body))
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert [each.key for each in transfers.listed(S3Location(bucket, ""))] == ["a", "b"]


def test_what_is_missing_should_be_told_from_what_may_be_tried_again(s3: Any, bucket: str) -> None:
    transfers, nowhere = S3Transfers(s3), S3Location(f"{bucket}-no", "in/")
    with pytest.raises(NotFound, match="there is no such bucket; correct the address"):
        list(transfers.listed(nowhere))
    with pytest.raises(NotFound, match="there is no such bucket"):
        transfers.put_object(nowhere, b"", "text/plain")
    with pytest.raises(NotFound):
        transfers.copy(S3Location(bucket, "gone"), S3Location(bucket, "b"), size=1)

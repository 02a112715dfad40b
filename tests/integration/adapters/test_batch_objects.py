"""The objects of a batch, against the local cloud."""

from __future__ import annotations

import uuid

import pytest

from chalicelib.adapters.s3_streams import S3BatchObjects
from chalicelib.batches import storage
from chalicelib.errors import NotFound
from tests.cloud import CloudProcess

MANY = 1_005
"""More than one page of a listing has."""


@pytest.fixture
def bucket(cloud: CloudProcess) -> str:
    name = f"t-{uuid.uuid4().hex[:12]}"
    cloud.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def objects(cloud: CloudProcess) -> S3BatchObjects:
    return S3BatchObjects(cloud.client("s3"))


def test_keys_should_come_in_the_order_of_their_numbers_over_all_pages(
    objects: S3BatchObjects, bucket: str
) -> None:
    for n in reversed(range(MANY)):
        objects.write(bucket, storage.OUTCOMES + storage.item_file(n), b"{}", {})
    objects.write(bucket, "outcomesque", b"", {})
    found = [storage.item_number(key) for key in objects.keys(bucket, storage.OUTCOMES)]
    assert found == list(range(MANY))
    after = objects.keys(bucket, storage.OUTCOMES, storage.OUTCOMES + storage.item_file(1_000))
    assert [storage.item_number(key) for key in after] == [1_001, 1_002, 1_003, 1_004]
    assert list(objects.keys(bucket, "nothing/")) == []


def test_an_object_should_have_a_size_or_not_be_found(objects: S3BatchObjects, bucket: str) -> None:
    with objects.writing(bucket, "a") as stream:
        stream.write(b"one ")
        stream.write(b"two")
    assert (objects.size(bucket, "a"), objects.read(bucket, "a")) == (7, b"one two")
    with pytest.raises(NotFound):
        objects.size(bucket, "b")


def test_an_object_whose_writing_broke_off_should_not_be_there(
    objects: S3BatchObjects, bucket: str
) -> None:
    with pytest.raises(TypeError), objects.writing(bucket, "a") as stream:
        stream.write(b"".join(["no bytes"]))  # type: ignore[list-item]
    assert list(objects.keys(bucket, "")) == []

"""Listings through boto3's paginators."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = ["a/1", "a/2", "a/b/3", "b", "c d+e%/ü", "c d+e%/€", "z\x01\n"]


@pytest.fixture
def full(s3: Any) -> Any:
    for key in KEYS:
        s3.put_object(Bucket="photos", Key=key, Body=key.encode())
    return s3


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_every_key_is_listed_once_in_order(full: Any, operation: str, size: int) -> None:
    pages = full.get_paginator(operation).paginate(
        Bucket="photos", PaginationConfig={"PageSize": size}
    )
    found = [entry for page in pages for entry in page.get("Contents", [])]
    assert [entry["Key"] for entry in found] == KEYS
    assert [entry["Size"] for entry in found] == [len(key.encode()) for key in KEYS]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_keys_are_rolled_up_at_the_delimiter(full: Any, operation: str, size: int) -> None:
    pages = full.get_paginator(operation).paginate(
        Bucket="photos", Delimiter="/", PaginationConfig={"PageSize": size}
    )
    keys, prefixes = [], []
    for page in pages:
        keys += [entry["Key"] for entry in page.get("Contents", [])]
        prefixes += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    assert keys == ["b", "z\x01\n"]
    assert prefixes == ["a/", "c d+e%/"]


def test_a_prefix_and_a_start_narrow_the_listing(full: Any) -> None:
    found = full.list_objects_v2(Bucket="photos", Prefix="a/", Delimiter="/", StartAfter="a/1")
    assert [entry["Key"] for entry in found["Contents"]] == ["a/2"]
    assert [entry["Prefix"] for entry in found["CommonPrefixes"]] == ["a/b/"]
    assert (found["KeyCount"], found["IsTruncated"]) == (2, False)


def test_a_token_that_was_not_given_out_is_refused(full: Any) -> None:
    with pytest.raises(ClientError) as raised:
        full.list_objects_v2(Bucket="photos", ContinuationToken="nonsense")
    assert raised.value.response["Error"]["Code"] == "InvalidArgument"


def test_no_keys_are_asked_for_and_none_are_given(full: Any) -> None:
    found = full.list_objects_v2(Bucket="photos", MaxKeys=0)
    assert (found["KeyCount"], found["IsTruncated"]) == (0, False)

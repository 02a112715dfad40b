"""Versions and delete markers.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def versioned(s3: Any) -> Any:
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    return s3


def put(s3: Any, body: bytes, key: str = "k") -> str:
    return str(s3.put_object(Bucket="photos", Key=key, Body=body).get("VersionId"))


def body(s3: Any, **which: str) -> bytes:
    data: bytes = s3.get_object(Bucket="photos", Key="k", **which)["Body"].read()
    return data


def test_every_write_makes_a_version_that_stays(versioned: Any) -> None:
    first, second = put(versioned, b"one"), put(versioned, b"two")
    assert first != second
    assert body(versioned) == b"two"
    assert body(versioned, VersionId=first) == b"one"


def test_a_delete_hides_and_deleting_the_marker_shows_again(versioned: Any) -> None:
    put(versioned, b"one")
    deleted = versioned.delete_object(Bucket="photos", Key="k")
    assert deleted["DeleteMarker"] is True
    with pytest.raises(ClientError) as gone:
        versioned.get_object(Bucket="photos", Key="k")
    headers = gone.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    with pytest.raises(ClientError) as marker:
        versioned.get_object(Bucket="photos", Key="k", VersionId=deleted["VersionId"])
    assert marker.value.response["Error"]["Code"] == "MethodNotAllowed"
    undone = versioned.delete_object(Bucket="photos", Key="k", VersionId=deleted["VersionId"])
    assert undone["DeleteMarker"] is True
    assert body(versioned) == b"one"


def test_deleting_the_latest_version_brings_back_the_one_before(versioned: Any) -> None:
    put(versioned, b"one")
    second = put(versioned, b"two")
    versioned.delete_object(Bucket="photos", Key="k", VersionId=second)
    assert body(versioned) == b"one"


def test_an_object_from_before_versioning_is_the_null_version(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"old")
    s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    put(s3, b"new")
    assert body(s3, VersionId="null") == b"old"


def test_suspended_versioning_replaces_only_the_null_version(versioned: Any) -> None:
    kept = put(versioned, b"kept")
    versioned.put_bucket_versioning(
        Bucket="photos", VersioningConfiguration={"Status": "Suspended"}
    )
    assert put(versioned, b"a") == "null"
    put(versioned, b"b")
    assert body(versioned, VersionId="null") == b"b"
    versioned.delete_object(Bucket="photos", Key="k")
    listed = versioned.list_object_versions(Bucket="photos")
    assert [v["VersionId"] for v in listed["Versions"]] == [kept]
    assert [m["VersionId"] for m in listed["DeleteMarkers"]] == ["null"]


def test_versions_are_listed_newest_first_in_pages(versioned: Any) -> None:
    made = [put(versioned, b"x", key) for key in ("a", "a", "a", "b", "b", "dir/c")]
    pages = versioned.get_paginator("list_object_versions").paginate(
        Bucket="photos", Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    seen, prefixes = [], []
    for page in pages:
        seen += [(v["Key"], v["VersionId"], v["IsLatest"]) for v in page.get("Versions", [])]
        prefixes += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
    assert seen == [
        ("a", made[2], True),
        ("a", made[1], False),
        ("a", made[0], False),
        ("b", made[4], True),
        ("b", made[3], False),
    ]
    assert prefixes == ["dir/"]


def test_a_bucket_is_emptied_while_its_versions_are_listed(versioned: Any) -> None:
    for number in range(7):
        put(versioned, b"x", f"k{number % 2}")
    pages = versioned.get_paginator("list_object_versions").paginate(
        Bucket="photos", PaginationConfig={"PageSize": 2}
    )
    for page in pages:
        versions = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in page["Versions"]]
        versioned.delete_objects(Bucket="photos", Delete={"Objects": versions})
    assert "Versions" not in versioned.list_object_versions(Bucket="photos")
    versioned.delete_bucket(Bucket="photos")


def test_a_conditional_delete_wants_the_current_etag(versioned: Any) -> None:
    put(versioned, b"one")
    with pytest.raises(ClientError) as raised:
        versioned.delete_object(Bucket="photos", Key="k", IfMatch='"other"')
    assert raised.value.response["Error"]["Code"] == "PreconditionFailed"
    etag = versioned.head_object(Bucket="photos", Key="k")["ETag"]
    assert versioned.delete_object(Bucket="photos", Key="k", IfMatch=etag)["DeleteMarker"]


def test_an_unknown_version_is_named(versioned: Any) -> None:
    put(versioned, b"one")
    with pytest.raises(ClientError) as raised:
        versioned.get_object(Bucket="photos", Key="k", VersionId="0" * 32)
    assert raised.value.response["Error"]["Code"] == "NoSuchVersion"

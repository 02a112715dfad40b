"""Buckets and their configurations.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.s3.serving import Door, running


def code_of(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def test_buckets_are_listed_by_name_and_in_pages(s3: Any) -> None:
    for name in ("zebra", "apple"):
        s3.create_bucket(Bucket=name)
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [
        "apple",
        "photos",
        "zebra",
    ]
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2})
    assert [len(page["Buckets"]) for page in pages] == [2, 1]


def test_a_bucket_that_is_there_is_found_and_one_that_is_not_is_404(s3: Any) -> None:
    assert s3.head_bucket(Bucket="photos")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="photos")["LocationConstraint"] is None
    with pytest.raises(ClientError) as raised:
        s3.head_bucket(Bucket="nowhere")
    assert code_of(raised) == "404"


@pytest.mark.parametrize("name", ["Upper", "ab", "a..b", "10.0.0.1", "xn--x", "a_b"])
def test_a_bad_name_is_refused(s3: Any, name: str) -> None:
    s3.meta.events.unregister("before-parameter-build.s3.CreateBucket", _bucket_name_validation(s3))
    with pytest.raises(ClientError) as raised:
        s3.create_bucket(Bucket=name)
    assert code_of(raised) == "InvalidBucketName"


def _bucket_name_validation(s3: Any) -> Any:
    from botocore.handlers import validate_bucket_name

    return validate_bucket_name


def test_a_location_that_is_not_this_region_is_refused(s3: Any) -> None:
    with pytest.raises(ClientError) as raised:
        s3.create_bucket(
            Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
    assert code_of(raised) == "IllegalLocationConstraintException"


def test_only_an_empty_bucket_is_deleted(s3: Any) -> None:
    s3.put_object(Bucket="photos", Key="k", Body=b"x")
    with pytest.raises(ClientError) as raised:
        s3.delete_bucket(Bucket="photos")
    assert code_of(raised) == "BucketNotEmpty"
    s3.delete_object(Bucket="photos", Key="k")
    s3.create_multipart_upload(Bucket="photos", Key="unfinished")
    s3.delete_bucket(Bucket="photos")
    assert s3.list_buckets()["Buckets"] == []


LIFECYCLE = {
    "Rules": [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"Prefix": "tmp/"},
            "Expiration": {"Days": 7},
        }
    ]
}
ENCRYPTION = {
    "Rules": [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": False,
        }
    ]
}
BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
CORS = {
    "CORSRules": [
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.org"], "MaxAgeSeconds": 9}
    ]
}
OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize(
    ("name", "member", "value", "missing"),
    [
        (
            "bucket_lifecycle_configuration",
            "LifecycleConfiguration",
            LIFECYCLE,
            "NoSuchLifecycleConfiguration",
        ),
        (
            "public_access_block",
            "PublicAccessBlockConfiguration",
            BLOCK,
            "NoSuchPublicAccessBlockConfiguration",
        ),
        ("bucket_cors", "CORSConfiguration", CORS, "NoSuchCORSConfiguration"),
        ("bucket_tagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "b"}]}, "NoSuchTagSet"),
        (
            "bucket_ownership_controls",
            "OwnershipControls",
            OWNERSHIP,
            "OwnershipControlsNotFoundError",
        ),
    ],
)
def test_a_configuration_is_stored_returned_and_deleted(
    s3: Any, name: str, member: str, value: dict[str, Any], missing: str
) -> None:
    delete = getattr(s3, f"delete_{name}".replace("lifecycle_configuration", "lifecycle"))
    get = getattr(s3, f"get_{name}")
    getattr(s3, f"put_{name}")(Bucket="photos", **{member: value})
    got = get(Bucket="photos")
    assert got.get(member, {key: got.get(key) for key in value}) == value
    delete(Bucket="photos")
    with pytest.raises(ClientError) as raised:
        get(Bucket="photos")
    assert code_of(raised) == missing


def test_encryption_is_aes256_until_it_is_said_otherwise(s3: Any) -> None:
    get = s3.get_bucket_encryption
    assert get(Bucket="photos")["ServerSideEncryptionConfiguration"] == ENCRYPTION
    chosen = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    s3.put_bucket_encryption(Bucket="photos", ServerSideEncryptionConfiguration=chosen)
    assert get(Bucket="photos")["ServerSideEncryptionConfiguration"] == chosen
    s3.delete_bucket_encryption(Bucket="photos")
    assert get(Bucket="photos")["ServerSideEncryptionConfiguration"] == ENCRYPTION


def test_a_policy_must_be_json(s3: Any) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    s3.put_bucket_policy(Bucket="photos", Policy=policy)
    assert s3.get_bucket_policy(Bucket="photos")["Policy"] == policy
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_policy(Bucket="photos", Policy="{")
    assert code_of(raised) == "MalformedPolicy"


def test_notifications_go_to_eventbridge_or_nowhere(s3: Any) -> None:
    on: dict[str, Any] = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration=on)
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket="photos")
    queue: dict[str, Any] = {
        "QueueConfigurations": [
            {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q", "Events": ["s3:ObjectCreated:*"]}
        ]
    }
    queue["QueueConfigurations"][0]["Events"] = ["s3:ObjectRestore:*"]
    with pytest.raises(ClientError) as raised:
        s3.put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration=queue)
    assert code_of(raised) == "NotImplemented"
    s3.put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration={})
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(
        Bucket="photos"
    )


def test_buckets_objects_and_configurations_are_there_after_a_restart(
    tmp_path: Path, door: Door
) -> None:
    with running(tmp_path, door) as first:
        s3 = first.client()
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        s3.put_bucket_cors(Bucket="kept", CORSConfiguration=CORS)
        s3.put_object(Bucket="kept", Key="k", Body=b"one")
        s3.close()
    with running(tmp_path, door) as second:
        s3 = second.client()
        assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
        assert s3.get_bucket_cors(Bucket="kept")["CORSRules"] == CORS["CORSRules"]
        assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"one"
        s3.close()

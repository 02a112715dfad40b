from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.s3vectors import S3VectorsService
from tests.unit.s3vectors.calls import WHERE, create, keys, put, query, refused, vector

ARN = "arn:aws:s3vectors:us-east-1:000000000000:bucket/library"
INDEX = {**WHERE, "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}


def test_a_bucket_is_described(service: S3VectorsService) -> None:
    assert service.create_vector_bucket({"vectorBucketName": "library"}) == {"vectorBucketArn": ARN}
    assert service.get_vector_bucket({"vectorBucketArn": ARN})["vectorBucket"] == {
        "vectorBucketName": "library",
        "vectorBucketArn": ARN,
        "creationTime": datetime.fromtimestamp(1_764_000_000, UTC),
        "encryptionConfiguration": {"sseType": "AES256"},
        "defaultIndexMode": "ENHANCED",
    }


def test_names_follow_the_rules_and_are_taken_once(service: S3VectorsService) -> None:
    create(service)
    for name in ("Library", "a_b", "-ab", "ab.c"):
        refused(
            lambda name=name: service.create_vector_bucket({"vectorBucketName": name}),  # type: ignore[misc]
            "ValidationException",
            "Invalid vector bucket name",
        )
    refused(
        lambda: service.create_vector_bucket({"vectorBucketName": "library"}),
        "ConflictException",
        "A vector bucket with the specified name already exists",
    )
    refused(
        lambda: service.create_index({**INDEX, "indexName": "Shelf"}),
        "ValidationException",
        "Invalid index name",
    )
    refused(
        lambda: service.create_index(INDEX),
        "ConflictException",
        "An index with the specified name already exists",
    )


def test_lists_come_in_pages_by_name_and_prefix(service: S3VectorsService) -> None:
    for name in ("bbb", "aaa", "abc"):
        service.create_vector_bucket({"vectorBucketName": name})
    first = service.list_vector_buckets({"maxResults": 2})
    rest = service.list_vector_buckets({"maxResults": 2, "nextToken": first["nextToken"]})
    names = [one["vectorBucketName"] for one in [*first["vectorBuckets"], *rest["vectorBuckets"]]]
    assert (names, rest["nextToken"]) == (["aaa", "abc", "bbb"], None)
    only = service.list_vector_buckets({"prefix": "ab"})["vectorBuckets"]
    assert [one["vectorBucketName"] for one in only] == ["abc"]
    refused(lambda: service.list_vector_buckets({"nextToken": "!"}), "ValidationException", "token")


def test_indexes_are_listed_and_described(service: S3VectorsService) -> None:
    create(service, hidden=["text"], searched=["text", "title"])
    (summary,) = service.list_indexes({"vectorBucketName": "library"})["indexes"]
    assert summary["indexArn"] == f"{ARN}/index/shelf"
    shown = service.get_index(WHERE)["index"]
    assert shown["indexMode"] == "ENHANCED"
    assert shown["metadataConfiguration"] == {
        "nonFilterableMetadataKeys": ["text"],
        "textSearchConfigurations": [
            {"metadataKey": "text", "status": "ACTIVE"},
            {"metadataKey": "title", "status": "ACTIVE"},
        ],
    }


def test_a_bucket_with_indexes_is_not_deleted(service: S3VectorsService) -> None:
    create(service)
    put(service, vector("a", [1, 0]))
    bucket = {"vectorBucketName": "library"}
    refused(lambda: service.delete_vector_bucket(bucket), "ConflictException", "is not empty")
    service.delete_index(WHERE)
    service.delete_vector_bucket(bucket)
    refused(
        lambda: service.get_vector_bucket(bucket),
        "NotFoundException",
        "The specified vector bucket could not be found",
    )


def test_an_index_made_anew_is_empty(service: S3VectorsService) -> None:
    create(service)
    put(service, vector("a", [1, 0]))
    query(service, queryVector={"float32": [1.0, 0.0]})
    service.delete_index(WHERE)
    service.create_index(INDEX)
    assert query(service, queryVector={"float32": [1.0, 0.0]}) == []


def test_tags_are_kept_for_both(service: S3VectorsService) -> None:
    service.create_vector_bucket({"vectorBucketName": "library", "tags": {"team": "mill"}})
    service.create_index({**INDEX, "tags": {"a": "1", "b": "2"}})
    arn = f"{ARN}/index/shelf"
    service.tag_resource({"resourceArn": arn, "tags": {"b": "3", "c": ""}})
    service.untag_resource({"resourceArn": arn, "tagKeys": ["a"]})
    assert service.list_tags_for_resource({"resourceArn": arn})["tags"] == {"b": "3", "c": ""}
    assert service.list_tags_for_resource({"resourceArn": ARN})["tags"] == {"team": "mill"}
    refused(
        lambda: service.tag_resource(
            {"resourceArn": arn, "tags": {f"t{n}": "" for n in range(49)}}
        ),
        "ServiceQuotaExceededException",
        "at most 50",
    )
    refused(
        lambda: service.list_tags_for_resource({"resourceArn": ARN + "x"}),
        "NotFoundException",
        "vector bucket",
    )


def test_a_policy_is_kept(service: S3VectorsService) -> None:
    service.create_vector_bucket({"vectorBucketName": "library"})
    bucket = {"vectorBucketName": "library"}
    refused(lambda: service.get_vector_bucket_policy(bucket), "NotFoundException", "policy")
    policy = '{"Version": "2012-10-17", "Statement": []}'
    service.put_vector_bucket_policy({**bucket, "policy": policy})
    assert service.get_vector_bucket_policy(bucket) == {"policy": policy}
    service.delete_vector_bucket_policy(bucket)
    refused(lambda: service.get_vector_bucket_policy(bucket), "NotFoundException", "policy")
    refused(
        lambda: service.put_vector_bucket_policy({**bucket, "policy": "{"}),
        "ValidationException",
        "JSON",
    )


def test_only_the_enhanced_mode_is_to_be_had(service: S3VectorsService) -> None:
    create(service)
    service.update_index_mode({**WHERE, "indexMode": "ENHANCED"})
    service.put_vector_bucket_default_index_mode(
        {"vectorBucketName": "library", "defaultIndexMode": "ENHANCED"}
    )
    refused(
        lambda: service.update_index_mode({**WHERE, "indexMode": "CLASSIC"}),
        "ValidationException",
        "before September 30, 2026",
    )


def test_a_searchable_key_added_later_finds_what_was_there(service: S3VectorsService) -> None:
    create(service)
    put(service, vector("a", [1, 0], title="Mills"), vector("b", [0, 1], title="a weir"))
    add = {"textSearchConfigurations": [{"metadataKey": "title", "language": "en"}]}
    asked: dict[str, Any] = {"queryTexts": [{"text": "the mill", "metadataKey": "title"}]}
    refused(lambda: query(service, **asked), "ValidationException", "not full-text searchable")
    service.update_metadata_configuration({**WHERE, "add": add})
    assert keys(query(service, **asked)) == ["a"]
    refused(
        lambda: service.update_metadata_configuration({**WHERE, "add": add}),
        "ConflictException",
        "already has",
    )
    delete = {"textSearchConfigurations": [{"metadataKey": "title"}]}
    service.update_metadata_configuration({**WHERE, "delete": delete})
    refused(lambda: query(service, **asked), "ValidationException", "not full-text searchable")
    for change in ({}, {"add": add, "delete": delete}, {"delete": delete}):
        refused(
            lambda change=change: service.update_metadata_configuration({**WHERE, **change}),  # type: ignore[misc]
            "ValidationException",
            "either add or delete|has no text search",
        )


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"encryptionConfiguration": {"sseType": "aws:kms"}}, "UnsupportedOperation", "KMS"),
        (
            {"metadataConfiguration": {"nonFilterableMetadataKeys": ["a", "a"]}},
            "ValidationException",
            "distinct",
        ),
        (
            {
                "metadataConfiguration": {
                    "textSearchConfigurations": [{"metadataKey": "a", "language": "fr"}]
                }
            },
            "UnsupportedOperation",
            "language 'fr'",
        ),
        ({"vectorBucketName": "nobody"}, "NotFoundException", "vector bucket"),
    ],
)
def test_what_an_index_cannot_be_is_refused(
    service: S3VectorsService, change: dict[str, Any], code: str, message: str
) -> None:
    service.create_vector_bucket({"vectorBucketName": "library"})
    refused(lambda: service.create_index({**INDEX, **change}), code, message)

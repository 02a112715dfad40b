"""S3 Vectors as boto3 sees it.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_S3_Vectors.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

WHERE = {"vectorBucketName": "library", "indexName": "shelf"}


@pytest.fixture
def shelf(s3vectors: Any) -> Any:
    s3vectors.create_vector_bucket(vectorBucketName="library")
    s3vectors.create_index(
        **WHERE,
        dataType="float32",
        dimension=3,
        distanceMetric="cosine",
        metadataConfiguration={
            "nonFilterableMetadataKeys": ["text"],
            "textSearchConfigurations": [{"metadataKey": "text"}],
        },
    )
    s3vectors.put_vectors(
        **WHERE,
        vectors=[
            {
                "key": f"doc/{n}",
                "data": {"float32": [1.0, n / 10, 0.5]},
                "metadata": {"page": n, "text": f"page {n} of the mill book", "tags": ["a", n]},
            }
            for n in range(250)
        ],
    )
    return s3vectors


def test_a_hybrid_query_comes_back_whole(shelf: Any) -> None:
    answer = shelf.query_vectors(
        **WHERE,
        topK=5,
        queryVector={"float32": [1.0, 0.4, 0.5]},
        queryTexts=[{"text": "page 4", "metadataKey": "text"}],
        filter={"$and": [{"page": {"$lt": 100}}, {"tags": "a"}]},
        returnMetadata=True,
        returnDistance=True,
        returnScores=True,
    )
    assert answer["distanceMetric"] == "cosine"
    best = answer["vectors"][0]
    assert (best["key"], best["metadata"]["page"]) == ("doc/4", 4)
    assert best["distance"] == pytest.approx(0, abs=1e-6)
    assert best["scores"]["fused"] == pytest.approx(2 / 61)
    assert best["scores"]["bm25Scores"][0]["metadataKey"] == "text"


def test_paginators_go_through_everything(shelf: Any) -> None:
    pages = shelf.get_paginator("list_vectors").paginate(**WHERE, PaginationConfig={"PageSize": 60})
    listed = [vector["key"] for page in pages for vector in page["vectors"]]
    assert sorted(listed) == sorted(f"doc/{n}" for n in range(250))
    asked = shelf.get_paginator("query_vectors").paginate(
        **WHERE, topK=230, queryVector={"float32": [1.0, 0.0, 0.5]}
    )
    found = [vector["key"] for page in asked for vector in page["vectors"]]
    assert found == [f"doc/{n}" for n in range(230)]


def test_an_index_is_described_in_boto3s_types(shelf: Any) -> None:
    index = shelf.get_index(**WHERE)["index"]
    assert isinstance(index["creationTime"], datetime)
    assert index["metadataConfiguration"]["textSearchConfigurations"] == [
        {"metadataKey": "text", "status": "ACTIVE"}
    ]
    arn = index["indexArn"]
    shelf.tag_resource(resourceArn=arn, tags={"team": "mill"})
    assert shelf.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "mill"}
    shelf.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert shelf.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def refused(shelf: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        shelf.query_vectors(**{**WHERE, "topK": 1, **params})
    response: dict[str, Any] = caught.value.response  # type: ignore[assignment]
    return response


def test_errors_are_boto3s_with_the_list_of_fields(shelf: Any) -> None:
    response = refused(shelf, queryVector={"float32": [1.0]})
    assert response["Error"]["Code"] == "ValidationException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["fieldList"][0]["path"] == "queryVector"
    response = refused(shelf, indexName="nowhere", queryVector={"float32": [1.0, 0.0, 0.0]})
    assert response["Error"]["Code"] == "NotFoundException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(shelf.exceptions.ConflictException):
        shelf.create_vector_bucket(vectorBucketName="library")


def test_the_model_s_own_limits_hold(shelf: Any) -> None:
    too_long = [{"text": "x" * 1025, "metadataKey": "text"}]
    assert refused(shelf, queryTexts=too_long)["Error"]["Code"] == "ValidationException"
    vector = {"key": "k", "data": {"float32": [1.0, 0.0, 0.0]}}
    with pytest.raises(ClientError, match="less than or equal to 500"):
        shelf.put_vectors(**WHERE, vectors=[vector] * 501)


def test_what_is_deleted_is_gone(shelf: Any) -> None:
    shelf.delete_vectors(**WHERE, keys=["doc/0", "doc/1"])
    answer = shelf.get_vectors(**WHERE, keys=["doc/0", "doc/2"], returnData=True)
    assert [vector["key"] for vector in answer["vectors"]] == ["doc/2"]
    shelf.delete_index(**WHERE)
    shelf.delete_vector_bucket(vectorBucketName="library")
    assert shelf.list_vector_buckets()["vectorBuckets"] == []

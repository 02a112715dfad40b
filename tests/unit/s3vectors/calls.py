"""Requests to S3 Vectors in short form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.s3vectors import S3VectorsService

WHERE = {"vectorBucketName": "library", "indexName": "shelf"}


def create(
    service: S3VectorsService,
    dimension: int = 2,
    metric: str = "cosine",
    hidden: Sequence[str] = (),
    searched: Sequence[str] = (),
) -> None:
    service.create_vector_bucket({"vectorBucketName": "library"})
    service.create_index(
        {
            **WHERE,
            "dataType": "float32",
            "dimension": dimension,
            "distanceMetric": metric,
            "metadataConfiguration": {
                "nonFilterableMetadataKeys": list(hidden),
                "textSearchConfigurations": [{"metadataKey": key} for key in searched],
            },
        }
    )


def vector(key: str, numbers: Sequence[float], **metadata: object) -> dict[str, Any]:
    return {"key": key, "data": {"float32": list(numbers)}, "metadata": metadata}


def put(service: S3VectorsService, *vectors: Mapping[str, Any]) -> None:
    service.put_vectors({**WHERE, "vectors": list(vectors)})


def query(service: S3VectorsService, **params: Any) -> list[dict[str, Any]]:
    return list(service.query_vectors({**WHERE, "topK": 10, **params})["vectors"])


def keys(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return [hit["key"] for hit in found]


def refused(call: Callable[[], object], code: str, match: str) -> AwsError:
    with pytest.raises(AwsError, match=match) as caught:
        call()
    assert caught.value.code == code
    return caught.value

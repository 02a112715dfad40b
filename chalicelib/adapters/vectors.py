"""Vectors in S3 Vectors.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from chalicelib.adapters.aws import translated

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient
    from mypy_boto3_s3vectors.type_defs import PutInputVectorTypeDef

    from chalicelib.ports import IndexRef, Vector

Thing = TypeVar("Thing")

MAX_VECTORS_A_CALL = 500
NON_FILTERABLE = ("text", "heading", "path", "start", "end", "labels")
"""Metadata that no filter uses, and so does not count towards the 2 KB that filters get."""


class Vectors:
    """Vectors by key, in the index that a tenant's pointer record names."""

    def __init__(self, client: S3VectorsClient) -> None:
        self._client = client

    def put(self, index: IndexRef, vectors: Sequence[Vector]) -> int:
        """Put vectors, replacing those of the same key; return how many were put."""
        count = 0
        for batch in _batches(vectors):
            with translated(f"putting vectors into {index.name}"):
                self._client.put_vectors(
                    vectorBucketName=index.bucket,
                    indexName=index.name,
                    vectors=[_wire(vector) for vector in batch],
                )
            count += len(batch)
        return count

    def delete(self, index: IndexRef, keys: Iterable[str]) -> None:
        """Remove vectors; unknown keys are no error."""
        for batch in _batches(keys):
            with translated(f"deleting vectors from {index.name}"):
                self._client.delete_vectors(
                    vectorBucketName=index.bucket, indexName=index.name, keys=list(batch)
                )


def _wire(vector: Vector) -> PutInputVectorTypeDef:
    return {
        "key": vector.key,
        "data": {"float32": [float(value) for value in vector.values]},
        "metadata": vector.metadata.wire(),
    }


def _batches(things: Iterable[Thing]) -> Iterator[tuple[Thing, ...]]:
    remaining = iter(things)
    while batch := tuple(itertools.islice(remaining, MAX_VECTORS_A_CALL)):
        yield batch

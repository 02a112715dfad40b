"""Indexes of S3 Vectors: made, filled from one another, looked at and dropped.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_CreateIndex.html
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import translated
from chalicelib.adapters.passages import MAX_KEYS_A_CALL, TEXT_KEY
from chalicelib.adapters.vectors import MAX_VECTORS_A_CALL, NON_FILTERABLE
from chalicelib.contracts.pictures import Label, read
from chalicelib.errors import Conflict, NotFound
from chalicelib.retrieval.search.filters import EMBEDDED_BY

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient

    from chalicelib.ports import IndexRef


@dataclass(frozen=True, slots=True)
class Carried:
    """The metadata of a vector in the index, under the vector's key."""

    key: str
    metadata: dict[str, Any]

    @property
    def text(self) -> str:
        """Return the passage that the vector stands for."""
        return str(self.metadata[TEXT_KEY])

    @property
    def labels(self) -> tuple[Label, ...]:
        """Return what is seen in the picture that the vector stands for, () where it is none."""
        return tuple(map(read, self.metadata.get("labels", ())))

    def embedded_by(self, version: str) -> Carried:
        """Return the same of a vector that this version of a served model made."""
        return Carried(self.key, {**self.metadata, EMBEDDED_BY: version})


def kind_of_index(dimensions: int) -> dict[str, Any]:
    """Return what an index is made with and can never change, in CreateIndex's words.

    It finds by meaning, and by the words of the texts.
    """
    return {
        "dataType": "float32",
        "dimension": dimensions,
        "distanceMetric": "cosine",
        "metadataConfiguration": {
            "nonFilterableMetadataKeys": list(NON_FILTERABLE),
            "textSearchConfigurations": [{"metadataKey": TEXT_KEY, "language": "en"}],
        },
    }


class Indexes:
    """Whole indexes, and vectors with what they carry."""

    def __init__(self, client: S3VectorsClient) -> None:
        self._client = client

    def create(self, index: IndexRef, dimensions: int) -> None:
        """Make an index; one of its name that is there already is no error."""
        with suppress(Conflict), translated(f"making {index.name}"):
            self._client.create_index(
                vectorBucketName=index.bucket, indexName=index.name, **kind_of_index(dimensions)
            )

    def drop(self, index: IndexRef) -> None:
        """Remove an index with all its vectors; one that is gone is no error."""
        with suppress(NotFound), translated(f"deleting {index.name}"):
            self._client.delete_index(vectorBucketName=index.bucket, indexName=index.name)

    def carried(self, index: IndexRef, keys: Sequence[str]) -> list[Carried]:
        """Return what the vectors under `keys` carry, those that there are, in order of `keys`."""
        found = {entry["key"]: entry for entry in self._get(index, keys, metadata=True)}
        return [Carried(key, found[key]["metadata"]) for key in keys if key in found]

    def missing(self, index: IndexRef, keys: Sequence[str]) -> list[str]:
        """Return those of `keys` that have no vector, in order."""
        there = {entry["key"] for entry in self._get(index, keys, metadata=False)}
        return [key for key in keys if key not in there]

    def put(
        self, index: IndexRef, carried: Sequence[Carried], vectors: Sequence[Sequence[float]]
    ) -> None:
        """Put vectors, replacing those of the same key."""
        pairs = iter(zip(carried, vectors, strict=True))
        while batch := tuple(itertools.islice(pairs, MAX_VECTORS_A_CALL)):
            wire: Any = [
                {"key": each.key, "data": {"float32": list(vector)}, "metadata": each.metadata}
                for each, vector in batch
            ]
            with translated(f"putting vectors into {index.name}"):
                self._client.put_vectors(
                    vectorBucketName=index.bucket, indexName=index.name, vectors=wire
                )

    def delete(self, index: IndexRef, keys: Sequence[str]) -> None:
        """Remove vectors; unknown keys are no error."""
        for start in range(0, len(keys), MAX_VECTORS_A_CALL):
            with translated(f"deleting vectors from {index.name}"):
                self._client.delete_vectors(
                    vectorBucketName=index.bucket,
                    indexName=index.name,
                    keys=list(keys[start : start + MAX_VECTORS_A_CALL]),
                )

    def _get(
        self, index: IndexRef, keys: Sequence[str], *, metadata: bool
    ) -> Iterator[dict[str, Any]]:
        for start in range(0, len(keys), MAX_KEYS_A_CALL):
            with translated(f"reading vectors of {index.name}"):
                answer: Any = self._client.get_vectors(
                    vectorBucketName=index.bucket,
                    indexName=index.name,
                    keys=list(keys[start : start + MAX_KEYS_A_CALL]),
                    returnMetadata=metadata,
                )
            yield from answer["vectors"]

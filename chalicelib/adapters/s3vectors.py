"""Indexes and vectors in S3 Vectors.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.adapters.aws import translated
from chalicelib.contracts.picture_labels import Label, parse_label
from chalicelib.errors import Conflict, NotFound
from chalicelib.retrieval.search.filters import EMBEDDED_BY

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient
    from mypy_boto3_s3vectors.type_defs import PutInputVectorTypeDef

    from chalicelib.contracts.indexes import IndexRef, Vector


Thing = TypeVar("Thing")

MAX_VECTORS_PER_CALL = 500
_FLOAT_BYTES = 4
NON_FILTERABLE = ("text", "terms", "heading", "path", "start", "end", "labels")
"""Metadata that no filter uses, which therefore does not count towards the 2 KB for filters."""


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
    while batch := tuple(itertools.islice(remaining, MAX_VECTORS_PER_CALL)):
        yield batch


TEXT_KEY = "text"
TERMS_KEY = "terms"
MAX_KEYS_PER_CALL = 100
"""Vectors that one GetVectors returns.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""


@dataclass(frozen=True, slots=True)
class StoredVector:
    """The key and metadata of a vector, as the index stores them."""

    key: str
    metadata: dict[str, Any]

    @property
    def text(self) -> str:
        """Return the passage that the vector represents."""
        return str(self.metadata[TEXT_KEY])

    @property
    def labels(self) -> tuple[Label, ...]:
        """Return the labels of the picture that the vector represents, () if there is none."""
        return tuple(map(parse_label, self.metadata.get("labels", ())))

    def with_terms(self, terms: str) -> StoredVector:
        """Return the same with other search terms, without any if `terms` is empty."""
        others = {name: value for name, value in self.metadata.items() if name != TERMS_KEY}
        return StoredVector(self.key, others | ({TERMS_KEY: terms} if terms else {}))

    def embedded_by(self, version: str) -> StoredVector:
        """Return the same of a vector that this version of a served model made."""
        return StoredVector(self.key, {**self.metadata, EMBEDDED_BY: version})


def text_search_key(index: IndexRef) -> str:
    """Return the metadata that text search of an index is configured for."""
    return TERMS_KEY if index.has_terms else TEXT_KEY


def index_definition(dimensions: int, *, has_terms: bool = True) -> dict[str, Any]:
    """Return the immutable settings of an index, as arguments of CreateIndex.

    It supports vector search, and text search in the stemmed terms of passages. Without terms text
    search is in the texts, by the service's own analyser of English.
    """
    text_search = {"metadataKey": TERMS_KEY}
    if not has_terms:
        text_search = {"metadataKey": TEXT_KEY, "language": "en"}
    return {
        "dataType": "float32",
        "dimension": dimensions,
        "distanceMetric": "cosine",
        "metadataConfiguration": {
            "nonFilterableMetadataKeys": list(NON_FILTERABLE),
            "textSearchConfigurations": [text_search],
        },
    }


class Indexes:
    """Whole indexes, and vectors with their metadata."""

    def __init__(self, client: S3VectorsClient) -> None:
        self._client = client

    def create(self, index: IndexRef, dimensions: int) -> None:
        """Create an index; an existing one of that name is no error."""
        with suppress(Conflict), translated(f"making {index.name}"):
            self._client.create_index(
                vectorBucketName=index.bucket,
                indexName=index.name,
                **index_definition(dimensions, has_terms=index.has_terms),
            )

    def drop(self, index: IndexRef) -> None:
        """Remove an index with all its vectors; a missing one is no error."""
        with suppress(NotFound), translated(f"deleting {index.name}"):
            self._client.delete_index(vectorBucketName=index.bucket, indexName=index.name)

    def carried(self, index: IndexRef, keys: Sequence[str]) -> list[StoredVector]:
        """Return the existing vectors under `keys`, without their values, in order of `keys`."""
        found = {entry["key"]: entry for entry in self._get(index, keys, metadata=True)}
        return [StoredVector(key, found[key]["metadata"]) for key in keys if key in found]

    def change(
        self,
        index: IndexRef,
        keys: Sequence[str],
        changed: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> int:
        """Put those vectors anew whose metadata `changed` changes; return how many.

        Raises `Transient` or `Throttled` where the service does not answer. An index that is gone
        holds no vectors.
        """
        with suppress(NotFound):
            found = [
                (StoredVector(each["key"], after), each["data"]["float32"])
                for each in self._get(index, keys, metadata=True, data=True)
                if (after := changed(each["metadata"])) != each["metadata"]
            ]
            self.put(index, [each for each, _ in found], [values for _, values in found])
            return len(found)
        return 0

    def missing(self, index: IndexRef, keys: Sequence[str]) -> list[str]:
        """Return those of `keys` that have no vector, in order."""
        there = {entry["key"] for entry in self._get(index, keys, metadata=False)}
        return [key for key in keys if key not in there]

    def put(
        self, index: IndexRef, carried: Sequence[StoredVector], vectors: Sequence[Sequence[float]]
    ) -> int:
        """Put vectors, replacing those of the same key; return how many bytes they are."""
        size = 0
        pairs = iter(zip(carried, vectors, strict=True))
        while batch := tuple(itertools.islice(pairs, MAX_VECTORS_PER_CALL)):
            wire: Any = [
                {"key": each.key, "data": {"float32": list(vector)}, "metadata": each.metadata}
                for each, vector in batch
            ]
            with translated(f"putting vectors into {index.name}"):
                self._client.put_vectors(
                    vectorBucketName=index.bucket, indexName=index.name, vectors=wire
                )
            size += sum(_stored_bytes(each, len(vector)) for each, vector in batch)
        return size

    def delete(self, index: IndexRef, keys: Sequence[str]) -> None:
        """Remove vectors; unknown keys are no error."""
        for start in range(0, len(keys), MAX_VECTORS_PER_CALL):
            with translated(f"deleting vectors from {index.name}"):
                self._client.delete_vectors(
                    vectorBucketName=index.bucket,
                    indexName=index.name,
                    keys=list(keys[start : start + MAX_VECTORS_PER_CALL]),
                )

    def _get(
        self, index: IndexRef, keys: Sequence[str], *, metadata: bool, data: bool = False
    ) -> Iterator[dict[str, Any]]:
        for start in range(0, len(keys), MAX_KEYS_PER_CALL):
            with translated(f"reading vectors of {index.name}"):
                answer: Any = self._client.get_vectors(
                    vectorBucketName=index.bucket,
                    indexName=index.name,
                    keys=list(keys[start : start + MAX_KEYS_PER_CALL]),
                    returnMetadata=metadata,
                    returnData=data,
                )
            yield from answer["vectors"]


def _stored_bytes(vector: StoredVector, dimensions: int) -> int:
    """Return the bytes of a vector as S3 Vectors counts them: key, numbers and metadata."""
    metadata = json.dumps(vector.metadata, ensure_ascii=False, separators=(",", ":"))
    return len(vector.key) + _FLOAT_BYTES * dimensions + len(metadata.encode())

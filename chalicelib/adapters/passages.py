"""Hybrid queries of a tenant's live index in S3 Vectors.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryVectors.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import translated
from chalicelib.contracts import Hit, VectorMetadata
from chalicelib.ports import IndexRef, TenantRecords

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient

TEXT_KEY = "text"
"""The metadata that text search is configured for."""


class Passages:
    """The chunks of a tenant, by meaning (vector) and by words (BM25), fused by the index."""

    def __init__(self, client: S3VectorsClient, tenants: TenantRecords) -> None:
        self._client = client
        self._tenants = tenants

    def query(
        self,
        tenant: str,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        collection: str | None,
    ) -> Sequence[Hit]:
        """Return at most `count` chunks, best first; none for a tenant without an index.

        An empty `text` searches by meaning alone. The score is the fused one, or the
        nearness (1 - distance) where there was nothing to fuse: higher is better.
        """
        index = self._tenants.live_index(tenant)
        if index is None:
            return []
        request: dict[str, Any] = {
            "vectorBucketName": index.bucket,
            "indexName": index.name,
            "topK": count,
            "queryVector": {"float32": list(vector)},
            "returnMetadata": True,
            "returnDistance": True,
        }
        if text:
            request |= {
                "queryTexts": [{"text": text, "metadataKey": TEXT_KEY}],
                "returnScores": True,
            }
        if collection is not None:
            request["filter"] = {"collection": {"$eq": collection}}
        return [_hit(found) for found in self._pages(index, request)][:count]

    def _pages(self, index: IndexRef, request: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            with translated(f"querying {index.name}"):
                answer: Any = self._client.query_vectors(**request)
            found += answer["vectors"]
            if not answer.get("nextToken"):
                return found
            request = {**request, "nextToken": answer["nextToken"]}


def _hit(found: dict[str, Any]) -> Hit:
    metadata = VectorMetadata.model_validate(found["metadata"])
    fused = found.get("scores", {}).get("fused")
    score = fused if fused is not None else 1.0 - found.get("distance", 1.0)
    return Hit(**metadata.model_dump(), score=score)

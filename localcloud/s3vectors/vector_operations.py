"""PutVectors, GetVectors, DeleteVectors and ListVectors.

A write is on disk before it is acknowledged, and the index in memory is updated under the same
lock, so that reads are strongly consistent.
"""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.s3vectors import requests
from localcloud.s3vectors.bucket_store import VectorBucketStore
from localcloud.s3vectors.memory_index import MemoryIndexCache
from localcloud.s3vectors.records import parse_records
from localcloud.s3vectors.requests import validation_error
from localcloud.s3vectors.vector_store import IndexedVector, VectorStore
from localcloud.service import Params, Result

DEFAULT_PAGE_ITEMS = 500
MAX_PAGE_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_ListVectors.html"""


class VectorOperations:
    """The operations on vectors except QueryVectors."""

    def __init__(
        self, store: VectorBucketStore, rows: VectorStore, memory: MemoryIndexCache
    ) -> None:
        """Read and write `rows`, and keep `memory` equal to them."""
        self._store = store
        self._rows = rows
        self._memory = memory

    def put_vectors(self, params: Params) -> Result:
        """Write vectors; one replaces the vector that has the same key."""
        found = self._store.index(*requests.requested_index(params))
        with self._memory.locked(found.id):
            index = self._store.index_by_id(found.id)
            records = parse_records(index, params["vectors"])
            replaced = self._rows.put(index.id, records)
            loaded = self._memory.peek(index.id)
            if loaded is not None:
                loaded.put(records, replaced)
                if loaded.needs_reload:
                    self._memory.drop(index.id)
        return {}

    def delete_vectors(self, params: Params) -> Result:
        """Delete vectors; a key that does not exist is no error."""
        found = self._store.index(*requests.requested_index(params))
        with self._memory.locked(found.id):
            deleted = self._rows.delete(found.id, params["keys"])
            loaded = self._memory.peek(found.id)
            if loaded is not None:
                loaded.delete(deleted)
                if loaded.needs_reload:
                    self._memory.drop(found.id)
        return {}

    def get_vectors(self, params: Params) -> Result:
        """Return the vectors that exist, each once, in the order of the request."""
        index = self._store.index(*requests.requested_index(params))
        found = self._rows.get(index.id, params["keys"])
        return {
            "vectors": [
                _render_vector(found[key], params)
                for key in dict.fromkeys(params["keys"])
                if key in found
            ]
        }

    def list_vectors(self, params: Params) -> Result:
        """Return a page of a segment: at most `maxResults` vectors and 1 MB."""
        index = self._store.index(*requests.requested_index(params))
        segments, segment = _parse_segment(params)
        limit = params.get("maxResults", DEFAULT_PAGE_ITEMS)
        scope = f"{index.id}/{segment}/{segments}"
        after = requests.decode_page_token(params.get("nextToken"), scope)
        listed = self._rows.page(index.id, after, limit + 1, segment, segments)
        fitting = min(limit, _page_length(listed))
        chosen = listed[:fitting]
        more = requests.encode_page_token(chosen[-1].id, scope) if len(listed) > fitting else None
        return {"vectors": [_render_vector(vector, params) for vector in chosen], "nextToken": more}


def _render_vector(vector: IndexedVector, params: Params) -> dict[str, object]:
    return vector.render(params.get("returnData", False), params.get("returnMetadata", False))


def _parse_segment(params: Params) -> tuple[int, int]:
    segments, segment = params.get("segmentCount"), params.get("segmentIndex")
    if (segments is None) != (segment is None):
        raise validation_error(
            "segmentIndex", "Must specify both segmentCount and segmentIndex or neither"
        )
    if segments is None or segment is None:
        return 1, 0
    if segment >= segments:
        raise validation_error("segmentIndex", "segmentIndex must be less than segmentCount")
    return segments, segment


def _page_length(listed: Sequence[IndexedVector]) -> int:
    """Return how many of the first vectors make a page, which holds at least one."""
    size = 0
    for position, vector in enumerate(listed):
        size += vector.size
        if size > MAX_PAGE_BYTES and position > 0:
            return position
    return len(listed)

"""PutVectors, GetVectors, DeleteVectors and ListVectors.

A write is on disk before it is acknowledged, and the index in memory follows it before another
request can look, so that reads are strongly consistent.
"""

from __future__ import annotations

from collections.abc import Sequence

from localcloud.s3vectors import naming, tokens
from localcloud.s3vectors.errors import invalid
from localcloud.s3vectors.live import LiveIndexes
from localcloud.s3vectors.records import records_of
from localcloud.s3vectors.rows import Listed, VectorRows
from localcloud.s3vectors.store import Store
from localcloud.service import Params, Result

DEFAULT_LISTED = 500
MAX_PAGE_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_ListVectors.html"""


class VectorOperations:
    """The operations on vectors, but for the query."""

    def __init__(self, store: Store, rows: VectorRows, live: LiveIndexes) -> None:
        """Work on `rows`, and keep `live` equal to them."""
        self._store = store
        self._rows = rows
        self._live = live

    def put_vectors(self, params: Params) -> Result:
        """Write vectors; one with a key that is there already takes its place."""
        found = self._store.index(*naming.index_of(params))
        with self._live.alone(found.id):
            index = self._store.index_by_id(found.id)
            records = records_of(index, params["vectors"])
            replaced = self._rows.put(index.id, records)
            live = self._live.peek(index.id)
            if live is not None:
                live.put(records, replaced)
                if live.wasteful:
                    self._live.drop(index.id)
        return {}

    def delete_vectors(self, params: Params) -> Result:
        """Delete vectors; a key that is not there is no error."""
        found = self._store.index(*naming.index_of(params))
        with self._live.alone(found.id):
            taken = self._rows.delete(found.id, params["keys"])
            live = self._live.peek(found.id)
            if live is not None:
                live.delete(taken)
                if live.wasteful:
                    self._live.drop(found.id)
        return {}

    def get_vectors(self, params: Params) -> Result:
        """Return those vectors that are there, each once, in the order of the request."""
        index = self._store.index(*naming.index_of(params))
        found = self._rows.get(index.id, params["keys"])
        return {
            "vectors": [
                _shown(found[key], params) for key in dict.fromkeys(params["keys"]) if key in found
            ]
        }

    def list_vectors(self, params: Params) -> Result:
        """Return a page of a segment, of up to `maxResults` vectors or 1 MB."""
        index = self._store.index(*naming.index_of(params))
        segments, segment = _segment(params)
        limit = params.get("maxResults", DEFAULT_LISTED)
        scope = f"{index.id}/{segment}/{segments}"
        after = tokens.unpack(params.get("nextToken"), scope)
        listed = self._rows.page(index.id, after, limit + 1, segment, segments)
        fitting = min(limit, _fitting(listed))
        chosen = listed[:fitting]
        more = tokens.pack(chosen[-1].id, scope) if len(listed) > fitting else None
        return {"vectors": [_shown(vector, params) for vector in chosen], "nextToken": more}


def _shown(vector: Listed, params: Params) -> dict[str, object]:
    return vector.shown(params.get("returnData", False), params.get("returnMetadata", False))


def _segment(params: Params) -> tuple[int, int]:
    segments, segment = params.get("segmentCount"), params.get("segmentIndex")
    if (segments is None) != (segment is None):
        raise invalid("segmentIndex", "Must specify both segmentCount and segmentIndex or neither")
    if segments is None or segment is None:
        return 1, 0
    if segment >= segments:
        raise invalid("segmentIndex", "segmentIndex must be less than segmentCount")
    return segments, segment


def _fitting(listed: Sequence[Listed]) -> int:
    """Return how many of the first vectors are a page, which holds one at least."""
    size = 0
    for place, vector in enumerate(listed):
        size += vector.size
        if size > MAX_PAGE_BYTES and place > 0:
            return place
    return len(listed)

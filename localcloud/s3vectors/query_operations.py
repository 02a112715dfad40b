"""QueryVectors: search by vector, by text, or by both with reciprocal rank fusion.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryVectors.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-querying-full-text-and-vector-search.html

The scan is exact, filters are applied before it (ENHANCED), and a response reflects every
acknowledged write. Each later page is computed anew, so a write in between pages shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localcloud.s3vectors import filters, requests
from localcloud.s3vectors.bucket_store import ENHANCED, StoredIndex, VectorBucketStore
from localcloud.s3vectors.filters import Mask
from localcloud.s3vectors.full_text import ANALYZERS
from localcloud.s3vectors.memory_index import MemoryIndex, MemoryIndexCache, nearest
from localcloud.s3vectors.records import parse_vector
from localcloud.s3vectors.requests import validation_error
from localcloud.s3vectors.vector_store import VectorStore
from localcloud.service import Params, Result

RANK_CONSTANT = 60


def fuse(rankings: Sequence[Sequence[int]], k: int = RANK_CONSTANT) -> list[tuple[int, float]]:
    """Fuse rankings by reciprocal rank; return every item with its fused score, best first.

    An item scores 1 / (k + rank) for each ranking that it is in, ranks counted from 1. Equal
    scores are ordered by item, so that the result depends on nothing else.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (k + rank)
    return sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))


MAX_TOP_K = 10_000
PAGE_HITS = 100
MIN_RANKING_DEPTH = 100
"""The least number of hits of each ranking that a hybrid query fuses."""


@dataclass(frozen=True, slots=True)
class _Hit:
    key: str
    distance: float | None = None
    fused: float | None = None
    bm25: Mapping[str, float] | None = None


class QueryOperations:
    """The operation QueryVectors."""

    def __init__(
        self, store: VectorBucketStore, rows: VectorStore, memory: MemoryIndexCache
    ) -> None:
        """Search in `memory`; read the metadata of hits from `rows`."""
        self._store = store
        self._rows = rows
        self._memory = memory

    def query_vectors(self, params: Params) -> Result:
        """Return a page of the `topK` best vectors."""
        index = self._store.index(*requests.requested_index(params))
        _check_query(params, index)
        scope = json.dumps([index.id, _page_scope(params)], sort_keys=True)
        start = requests.decode_page_token(params.get("nextToken"), scope)
        with self._memory.locked(index.id):
            index = self._store.index_by_id(index.id)
            hits = _search(self._memory.get(index.id), index, params)
            page = hits[start : start + PAGE_HITS]
            metadata = self._metadata(index, page, params.get("returnMetadata", False))
        more = (
            requests.encode_page_token(start + PAGE_HITS, scope)
            if len(hits) > start + PAGE_HITS
            else None
        )
        return {
            "vectors": [_render_hit(hit, params, metadata) for hit in page],
            "distanceMetric": index.metric,
            "nextToken": more,
        }

    def _metadata(self, index: StoredIndex, hits: Sequence[_Hit], wanted: bool) -> dict[str, Any]:
        if not wanted or not hits:
            return {}
        vectors = self._rows.get(index.id, [hit.key for hit in hits])
        return {key: json.loads(vector.metadata) for key, vector in vectors.items()}


def _page_scope(params: Params) -> dict[str, object]:
    return {name: params.get(name) for name in ("topK", "queryVector", "queryTexts", "filter")}


def _check_query(params: Params, index: StoredIndex) -> None:
    if "queryVector" not in params and "queryTexts" not in params:
        raise validation_error("queryVector", "Must specify queryVector, queryTexts, or both")
    if params["topK"] > MAX_TOP_K:
        raise validation_error("topK", f"topK must be between 1 and {MAX_TOP_K}")
    if params.get("queryMode", ENHANCED) != ENHANCED:
        raise validation_error("queryMode", "CLASSIC can't be specified for an ENHANCED index")
    keys = [query["metadataKey"] for query in params.get("queryTexts", [])]
    if len(set(keys)) < len(keys):
        raise validation_error(
            "queryTexts", "Each queryTexts entry must target a distinct metadata key"
        )
    for key in keys:
        if key not in index.text_search:
            raise validation_error(
                "queryTexts", f"Metadata key '{key}' is not full-text searchable"
            )


def _search(loaded: MemoryIndex, index: StoredIndex, params: Params) -> list[_Hit]:
    document = params.get("filter")
    condition = None if document is None else filters.parse_filter(document, index.non_filterable)
    eligible = loaded.eligible(condition)
    distances = _distances(loaded, index, params.get("queryVector"))
    texts = {
        query["metadataKey"]: _scores(loaded, index, query)
        for query in params.get("queryTexts", [])
    }
    top = params["topK"]
    if distances is not None and not texts:
        rows = nearest(distances, eligible, top)
        return [_Hit(loaded.keys[row], float(distances[row])) for row in rows]
    if distances is None and len(texts) == 1:
        (scores,) = texts.values()
        rows = nearest(-scores, eligible & (scores > 0), top)
        return [_Hit(loaded.keys[row], bm25=_bm25_scores(texts, row)) for row in rows]
    return _hybrid_hits(loaded, eligible, distances, texts, top)


def _distances(
    loaded: MemoryIndex, index: StoredIndex, data: Mapping[str, Any] | None
) -> NDArray[np.float32] | None:
    if data is None:
        return None
    try:
        return loaded.matrix.distances(parse_vector(index, data))
    except ValueError as error:
        raise validation_error("queryVector", f"Query {error}") from error


def _scores(
    loaded: MemoryIndex, index: StoredIndex, query: Mapping[str, str]
) -> NDArray[np.float64]:
    key = query["metadataKey"]
    terms = ANALYZERS[index.text_search[key]](query["text"])
    return loaded.texts[key].scores(terms, len(loaded.matrix))


def _hybrid_hits(
    loaded: MemoryIndex,
    eligible: Mask,
    distances: NDArray[np.float32] | None,
    texts: Mapping[str, NDArray[np.float64]],
    top: int,
) -> list[_Hit]:
    depth = max(top, MIN_RANKING_DEPTH)
    rankings = [nearest(-scores, eligible & (scores > 0), depth) for scores in texts.values()]
    by_vector: list[int] = []
    if distances is not None:
        by_vector = nearest(distances, eligible, depth)
        rankings.insert(0, by_vector)
    near = set(by_vector)
    hits: list[_Hit] = []
    for row, fused in fuse(rankings)[:top]:
        distance = float(distances[row]) if distances is not None and row in near else None
        hits.append(_Hit(loaded.keys[row], distance, fused, _bm25_scores(texts, row)))
    return hits


def _bm25_scores(texts: Mapping[str, NDArray[np.float64]], row: int) -> dict[str, float]:
    return {key: float(scores[row]) for key, scores in texts.items() if scores[row] > 0}


def _render_hit(hit: _Hit, params: Params, metadata: Mapping[str, Any]) -> dict[str, object]:
    rendered: dict[str, object] = {"key": hit.key}
    if params.get("returnDistance", False) and hit.distance is not None:
        rendered["distance"] = hit.distance
    if params.get("returnMetadata", False):
        rendered["metadata"] = metadata.get(hit.key, {})
    if params.get("returnScores", False) and hit.bm25 is not None:
        scores: dict[str, object] = {
            "bm25Scores": [{"metadataKey": key, "score": score} for key, score in hit.bm25.items()]
        }
        if hit.fused is not None:
            scores["fused"] = hit.fused
        if hit.distance is not None:
            scores["vectorDistance"] = hit.distance
        rendered["scores"] = scores
    return rendered

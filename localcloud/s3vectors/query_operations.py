"""QueryVectors: by vector, by text, or by both fused.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryVectors.html

The scan is exact, filters are applied before it (ENHANCED), and an answer reflects every write
that was acknowledged. A page of a later call is computed anew: a write in between shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localcloud.s3vectors import filters, naming, tokens
from localcloud.s3vectors.analysis import ANALYZERS
from localcloud.s3vectors.columns import Mask
from localcloud.s3vectors.errors import invalid
from localcloud.s3vectors.fusion import fuse
from localcloud.s3vectors.live import LiveIndex, LiveIndexes
from localcloud.s3vectors.matrix import nearest
from localcloud.s3vectors.records import vector_of
from localcloud.s3vectors.rows import VectorRows
from localcloud.s3vectors.store import ENHANCED, Index, Store
from localcloud.service import Params, Result

MAX_TOP_K = 10_000
PAGE = 100
MIN_DEPTH = 100
"""How deep each ranking of a hybrid query goes, at least, before the fusion."""


@dataclass(frozen=True, slots=True)
class _Hit:
    key: str
    distance: float | None = None
    fused: float | None = None
    bm25: Mapping[str, float] | None = None


class QueryOperations:
    """The query."""

    def __init__(self, store: Store, rows: VectorRows, live: LiveIndexes) -> None:
        """Search in `live`; `rows` has the metadata of what is found."""
        self._store = store
        self._rows = rows
        self._live = live

    def query_vectors(self, params: Params) -> Result:
        """Return the `topK` best vectors, a page at a time."""
        index = self._store.index(*naming.index_of(params))
        _check(params, index)
        scope = json.dumps([index.id, _asked(params)], sort_keys=True)
        start = tokens.unpack(params.get("nextToken"), scope)
        with self._live.alone(index.id):
            index = self._store.index_by_id(index.id)
            hits = _search(self._live.get(index.id), index, params)
            page = hits[start : start + PAGE]
            metadata = self._metadata(index, page, params.get("returnMetadata", False))
        more = tokens.pack(start + PAGE, scope) if len(hits) > start + PAGE else None
        return {
            "vectors": [_shown(hit, params, metadata) for hit in page],
            "distanceMetric": index.metric,
            "nextToken": more,
        }

    def _metadata(self, index: Index, hits: Sequence[_Hit], wanted: bool) -> dict[str, Any]:
        if not wanted or not hits:
            return {}
        found = self._rows.get(index.id, [hit.key for hit in hits])
        return {key: json.loads(vector.metadata) for key, vector in found.items()}


def _asked(params: Params) -> dict[str, object]:
    return {name: params.get(name) for name in ("topK", "queryVector", "queryTexts", "filter")}


def _check(params: Params, index: Index) -> None:
    if "queryVector" not in params and "queryTexts" not in params:
        raise invalid("queryVector", "Must specify queryVector, queryTexts, or both")
    if params["topK"] > MAX_TOP_K:
        raise invalid("topK", f"topK must be between 1 and {MAX_TOP_K}")
    if params.get("queryMode", ENHANCED) != ENHANCED:
        raise invalid("queryMode", "CLASSIC can't be specified for an ENHANCED index")
    keys = [query["metadataKey"] for query in params.get("queryTexts", [])]
    if len(set(keys)) < len(keys):
        raise invalid("queryTexts", "Each queryTexts entry must target a distinct metadata key")
    for key in keys:
        if key not in index.text_search:
            raise invalid("queryTexts", f"Metadata key '{key}' is not full-text searchable")


def _search(live: LiveIndex, index: Index, params: Params) -> list[_Hit]:
    written = params.get("filter")
    condition = None if written is None else filters.parse(written, index.non_filterable)
    eligible = live.eligible(condition)
    distances = _distances(live, index, params.get("queryVector"))
    texts = {
        query["metadataKey"]: _scores(live, index, query) for query in params.get("queryTexts", [])
    }
    top = params["topK"]
    if distances is not None and not texts:
        rows = nearest(distances, eligible, top)
        return [_Hit(live.keys[row], float(distances[row])) for row in rows]
    if distances is None and len(texts) == 1:
        (scores,) = texts.values()
        rows = nearest(-scores, eligible & (scores > 0), top)
        return [_Hit(live.keys[row], bm25=_bm25(texts, row)) for row in rows]
    return _fused(live, eligible, distances, texts, top)


def _distances(
    live: LiveIndex, index: Index, data: Mapping[str, Any] | None
) -> NDArray[np.float32] | None:
    if data is None:
        return None
    try:
        return live.matrix.distances(vector_of(index, data))
    except ValueError as error:
        raise invalid("queryVector", f"Query {error}") from error


def _scores(live: LiveIndex, index: Index, query: Mapping[str, str]) -> NDArray[np.float64]:
    key = query["metadataKey"]
    terms = ANALYZERS[index.text_search[key]](query["text"])
    return live.texts[key].scores(terms, len(live.matrix))


def _fused(
    live: LiveIndex,
    eligible: Mask,
    distances: NDArray[np.float32] | None,
    texts: Mapping[str, NDArray[np.float64]],
    top: int,
) -> list[_Hit]:
    depth = max(top, MIN_DEPTH)
    rankings = [nearest(-scores, eligible & (scores > 0), depth) for scores in texts.values()]
    by_vector: list[int] = []
    if distances is not None:
        by_vector = nearest(distances, eligible, depth)
        rankings.insert(0, by_vector)
    near = set(by_vector)
    hits: list[_Hit] = []
    for row, fused in fuse(rankings)[:top]:
        distance = float(distances[row]) if distances is not None and row in near else None
        hits.append(_Hit(live.keys[row], distance, fused, _bm25(texts, row)))
    return hits


def _bm25(texts: Mapping[str, NDArray[np.float64]], row: int) -> dict[str, float]:
    return {key: float(scores[row]) for key, scores in texts.items() if scores[row] > 0}


def _shown(hit: _Hit, params: Params, metadata: Mapping[str, Any]) -> dict[str, object]:
    shown: dict[str, object] = {"key": hit.key}
    if params.get("returnDistance", False) and hit.distance is not None:
        shown["distance"] = hit.distance
    if params.get("returnMetadata", False):
        shown["metadata"] = metadata.get(hit.key, {})
    if params.get("returnScores", False) and hit.bm25 is not None:
        scores: dict[str, object] = {
            "bm25Scores": [{"metadataKey": key, "score": score} for key, score in hit.bm25.items()]
        }
        if hit.fused is not None:
            scores["fused"] = hit.fused
        if hit.distance is not None:
            scores["vectorDistance"] = hit.distance
        shown["scores"] = scores
    return shown

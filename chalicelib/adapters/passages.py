"""Hybrid queries of an index in S3 Vectors.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryVectors.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import translated
from chalicelib.adapters.s3vectors import MAX_KEYS_PER_CALL, TERMS_KEY, text_search_key
from chalicelib.contracts.search import Hit, Neighbour
from chalicelib.retrieval.search.fusion import (
    IndexScores,
    ScoreFusion,
    explain_scores,
    term_coverage,
)

if TYPE_CHECKING:
    from mypy_boto3_s3vectors import S3VectorsClient

    from chalicelib.contracts.indexes import IndexRef
    from chalicelib.retrieval.search.filters import IndexFilter


class Passages:
    """The chunks of an index, by meaning (vector) and by words (BM25), fused by the index."""

    def __init__(self, client: S3VectorsClient) -> None:
        self._client = client

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterator[Hit]:
        """Yield at most `count` chunks; the index is asked for more as they are taken.

        An empty `text` searches by meaning alone, and the score is the similarity (1 - distance).
        Otherwise it is the sum of the similarity and a share of BM25. The first page of hits comes
        best first, and so does each later one, none with a higher score than the page before.
        """
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
                "queryTexts": [{"text": text, "metadataKey": text_search_key(index)}],
                "returnScores": True,
            }
        if condition is not None:
            request["filter"] = condition
        terms = frozenset(text.split())
        return islice(_hits(self._pages(index, request), terms), count)

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> Mapping[str, Neighbour]:
        """Return the chunks that there are under `keys`, in as few calls as the index allows."""
        return {
            found["key"]: Neighbour.model_validate(found["metadata"] | {"n": _number(found["key"])})
            for found in self._vectors(index, keys)
        }

    def _vectors(self, index: IndexRef, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        for first in range(0, len(keys), MAX_KEYS_PER_CALL):
            with translated(f"reading vectors of {index.name}"):
                answer: Any = self._client.get_vectors(
                    vectorBucketName=index.bucket,
                    indexName=index.name,
                    keys=list(keys[first : first + MAX_KEYS_PER_CALL]),
                    returnMetadata=True,
                )
            yield from answer["vectors"]

    def _pages(self, index: IndexRef, request: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        while True:
            with translated(f"querying {index.name}"):
                answer: Any = self._client.query_vectors(**request)
            yield answer["vectors"]
            if not answer.get("nextToken"):
                return
            request = {**request, "nextToken": answer["nextToken"]}


def _hits(pages: Iterable[list[dict[str, Any]]], terms: frozenset[str]) -> Iterator[Hit]:
    """Yield what the pages hold; scores are explained by all that was returned up to then."""
    raws: list[IndexScores] = []
    fusion: ScoreFusion | None = None
    highest = math.inf
    for page in pages:
        own = [_raw(found, terms) for found in page]
        fusion = fusion or ScoreFusion.of(own)
        raws += own
        explanations = explain_scores(raws)[len(raws) - len(page) :]
        scores = [min(highest, fusion.score(raw)) for raw in own]
        highest = min(scores, default=highest)
        for at in sorted(range(len(page)), key=lambda at: -scores[at]):
            n = _number(page[at]["key"])
            told = {"score": scores[at], "scores": explanations[at], "n": n, "n_last": n}
            yield Hit.model_validate(page[at]["metadata"] | told)


def _raw(found: dict[str, Any], terms: frozenset[str]) -> IndexScores:
    """Return the scores of a hit; one without terms, of an older index, counts as having all."""
    scores = found.get("scores", {})
    distance = found.get("distance", scores.get("vectorDistance"))
    words = scores.get("bm25Scores") or [{}]
    own_terms = found["metadata"].get(TERMS_KEY)
    return IndexScores(
        similarity=None if distance is None else 1.0 - distance,
        bm25=words[0].get("score"),
        fused=scores.get("fused"),
        coverage=1.0 if own_terms is None else term_coverage(terms, own_terms),
    )


def _number(key: str) -> int:
    """Return the number of the chunk that `vector_key` gave a key."""
    return int(key.rsplit("/", 1)[-1])

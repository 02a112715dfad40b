from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.stub import Stubber

from chalicelib.adapters.passages import Passages
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.search import Hit
from chalicelib.retrieval.search.filters import IndexFilter
from tests import clients

METADATA = {
    "document_id": "doc_a",
    "version": "v_1",
    "collection": "c",
    "path": "a.md",
    "page": 1,
    "heading": "H",
    "start": 0,
    "end": 4,
    "text": "text",
}
BASE: dict[str, Any] = {
    "vectorBucketName": "bucket",
    "indexName": "index",
    "topK": 2,
    "queryVector": {"float32": [0.5]},
    "returnMetadata": True,
    "returnDistance": True,
}
INDEX = IndexRef("bucket", "index", "m")


def found(key: int, **scores: object) -> dict[str, Any]:
    return {"key": f"doc_a/v_1/{key:06}", "metadata": METADATA} | scores


def ask(
    *exchanges: tuple[dict[str, Any], dict[str, Any]], text: str, condition: IndexFilter | None
) -> Sequence[Hit]:
    client = clients.client("s3vectors")
    with Stubber(client) as stub:
        for request, response in exchanges:
            stub.add_response("query_vectors", {"distanceMetric": "cosine"} | response, request)
        passages = Passages(client)
        hits = list(passages.query(INDEX, [0.5], text, count=2, condition=condition))
        stub.assert_no_pending_responses()
    return hits


def test_should_ask_by_meaning_and_words_within_the_collection() -> None:
    request = BASE | {
        "queryTexts": [{"text": "pump", "metadataKey": "text"}],
        "returnScores": True,
        "filter": {"collection": {"$eq": "c"}},
    }
    response = {"vectors": [found(7, scores={"fused": 0.03}, distance=0.2)]}
    (hit,) = ask((request, response), text="pump", condition={"collection": {"$eq": "c"}})
    assert (hit.text, hit.scores.fused) == ("text", 0.03)


def test_should_ask_for_terms_in_an_index_that_compares_these() -> None:
    client = clients.client("s3vectors")
    request = BASE | {
        "indexName": "index.terms",
        "queryTexts": [{"text": "pump", "metadataKey": "terms"}],
        "returnScores": True,
    }
    with Stubber(client) as stub:
        stub.add_response("query_vectors", {"distanceMetric": "cosine", "vectors": []}, request)
        index = IndexRef("bucket", "index.terms", "m")
        assert not list(Passages(client).query(index, [0.5], "pump", count=2, condition=None))
        stub.assert_no_pending_responses()


def test_should_order_a_page_by_both_scores_and_none_before_an_earlier_page() -> None:
    def scored(key: int, distance: float, bm25: float, rank: int) -> dict[str, Any]:
        texts = [{"metadataKey": "text", "score": bm25}] if bm25 else []
        scores = {"fused": 1 / (60 + rank), "bm25Scores": texts}
        return found(key, distance=distance, scores=scores)

    first = {"vectors": [scored(0, 0.7, 0.0, 1), scored(1, 0.8, 9.0, 2)], "nextToken": "t"}
    last = {"vectors": [scored(2, 0.6, 8.0, 3), scored(3, 0.9, 1.0, 4)]}
    request = BASE | {"queryTexts": [{"text": "x", "metadataKey": "text"}], "returnScores": True}
    client = clients.client("s3vectors")
    with Stubber(client) as stub:
        stub.add_response(
            "query_vectors", {"distanceMetric": "cosine"} | first, request | {"topK": 4}
        )
        later = request | {"topK": 4, "nextToken": "t"}
        stub.add_response("query_vectors", {"distanceMetric": "cosine"} | last, later)
        every = list(Passages(client).query(INDEX, [0.5], "x", count=4, condition=None))
    assert [hit.n for hit in every] == [1, 0, 2, 3]
    assert every[2].score == every[1].score


def test_should_ask_by_meaning_alone_where_there_are_no_words() -> None:
    response = {"vectors": [found(7, distance=0.25)]}
    (hit,) = ask((BASE, response), text="", condition=None)
    assert hit.score == 0.75


def test_should_read_on_while_there_are_pages() -> None:
    first = {"vectors": [found(0, distance=0.1)], "nextToken": "t"}
    last = {"vectors": [found(1, distance=0.2), found(2, distance=0.3)]}
    hits = ask((BASE, first), (BASE | {"nextToken": "t"}, last), text="", condition=None)
    assert len(hits) == 2


def test_should_explain_a_later_page_by_all_that_was_returned() -> None:
    first = {"vectors": [found(0, distance=0.1, scores=scores_of(1))], "nextToken": "t"}
    last = {"vectors": [found(1, distance=0.2, scores=scores_of(2))]}
    request = BASE | {"queryTexts": [{"text": "x", "metadataKey": "text"}], "returnScores": True}
    later = request | {"nextToken": "t"}
    hits = ask((request, first), (later, last), text="x", condition=None)
    ranks = [hit.scores.vector and hit.scores.vector.rank for hit in hits]
    assert ranks == [1, 2]


def scores_of(rank: int) -> dict[str, Any]:
    return {"fused": 1 / (60 + rank), "bm25Scores": []}


def test_should_ask_for_a_page_only_when_it_is_wanted() -> None:
    client = clients.client("s3vectors")
    page = {"distanceMetric": "cosine", "vectors": [found(0, distance=0.1)], "nextToken": "t"}
    with Stubber(client) as stub:
        stub.add_response("query_vectors", page, BASE)
        hits = iter(Passages(client).query(INDEX, [0.5], "", count=2, condition=None))
        assert next(hits).n == 0


def test_should_read_chunks_in_calls_of_a_hundred() -> None:
    client = clients.client("s3vectors")
    keys = [f"doc_a/v_1/{n:06}" for n in range(101)]
    place = {"vectorBucketName": "bucket", "indexName": "index", "returnMetadata": True}
    with Stubber(client) as stub:
        for part in (keys[:100], keys[100:]):
            vectors = [{"key": key, "metadata": METADATA} for key in part if key != keys[5]]
            stub.add_response("get_vectors", {"vectors": vectors}, place | {"keys": part})
        chunks = Passages(client).chunks(INDEX, keys)
    assert list(chunks) == [key for key in keys if key != keys[5]]
    assert chunks[keys[7]].n == 7

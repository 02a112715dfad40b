from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.stub import Stubber

from chalicelib.adapters.passages import Passages
from chalicelib.contracts import Hit
from chalicelib.ports import IndexRef
from chalicelib.query_ports import IndexFilter

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
    client = boto3.client(
        "s3vectors", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        for request, response in exchanges:
            stub.add_response("query_vectors", {"distanceMetric": "cosine"} | response, request)
        passages = Passages(client)
        hits = passages.query(INDEX, [0.5], text, count=2, condition=condition)
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
    assert (hit.text, hit.score) == ("text", 0.03)


def test_should_ask_by_meaning_alone_where_there_are_no_words() -> None:
    response = {"vectors": [found(7, distance=0.25)]}
    (hit,) = ask((BASE, response), text="", condition=None)
    assert hit.score == 0.75


def test_should_read_on_while_there_are_pages() -> None:
    first = {"vectors": [found(0, distance=0.1)], "nextToken": "t"}
    last = {"vectors": [found(1, distance=0.2), found(2, distance=0.3)]}
    hits = ask((BASE, first), (BASE | {"nextToken": "t"}, last), text="", condition=None)
    assert len(hits) == 2

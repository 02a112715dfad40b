"""A second look at the first passages, from the request to its receipt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, settled, until, upload

COLLECTION = "mill"
QUERY = "When was the wheel of the mill replaced?"
TEXTS = {
    "wheel.md": "# Wheel\n\nThe old wheel was replaced by a turbine in the spring of 1987.",
    "straw.md": "# Straw\n\nStraw is stacked behind the mill, and the miller keeps a dog there.",
    "weir.md": "# Weir\n\nThe mill stands below the weir. The weir was raised by a hand's breadth.",
}


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        ids = [upload(client, path, text.encode(), COLLECTION) for path, text in TEXTS.items()]
        assert {settled(client, each)["status"] for each in ids} == {"ready"}
        warm(client)
        yield client


def warm(api: httpx.Client) -> None:
    """Wait for a first rerank: a search goes on without one while the function starts."""
    until(lambda: "rerank" in roles(posted(api, "/v1/search", query=QUERY, rerank=True)), "rerank")


def posted(api: httpx.Client, path: str, **body: object) -> dict[str, Any]:
    answer = api.post(path, json={"collection": COLLECTION, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def roles(found: dict[str, Any]) -> list[str]:
    return [line["role"] for line in found["receipt"]["lines"]]


def test_a_search_is_reranked_where_it_asks_for_that(api: httpx.Client) -> None:
    found = posted(api, "/v1/search", query=QUERY, rerank=True)
    assert found["notices"] == []
    assert roles(found) == ["question embedding", "hybrid query", "rerank", "requests"]
    line = found["receipt"]["lines"][-2]
    assert line["tokens_in"] > 40
    assert float(line["dollars"]) > 0
    scores = [hit["scores"]["rerank"] for hit in found["hits"]]
    assert len(scores) == len(TEXTS)
    assert scores == sorted(scores, reverse=True)
    assert found["hits"][0]["path"] == "wheel.md"


def test_a_search_is_not_reranked_unless_it_asks(api: httpx.Client) -> None:
    found = posted(api, "/v1/search", query=QUERY)
    assert roles(found) == ["question embedding", "hybrid query", "requests"]
    assert {hit["scores"]["rerank"] for hit in found["hits"]} == {None}


def test_an_answer_may_rest_on_reranked_passages(api: httpx.Client) -> None:
    found = posted(api, "/v1/ask", question=QUERY, rerank=True)
    assert "rerank" in roles(found)
    assert found["citations"][0]["path"] == "wheel.md"
    streamed = api.post(
        "/v1/ask/stream", json={"question": QUERY, "collection": COLLECTION, "rerank": True}
    )
    assert '"role":"rerank"' in streamed.text

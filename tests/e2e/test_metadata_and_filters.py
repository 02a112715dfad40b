"""What a user tells of a document comes back with it, and finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chalicelib.retrieval.ids import InboxPlace
from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, settled, upload

COLLECTION, ELSEWHERE = "inspections", "elsewhere"
REPORT = "# Turbine\n\nThe inspection of the turbine in {year} found the {part} worn."
REPORTS: dict[str, tuple[dict[str, Any], str]] = {
    "reports/2024/spring.md": ({"year": 2024, "tags": ["turbine", "spring"]}, "bearing"),
    "reports/2025/autumn.md": ({"year": 2025, "share": 0.5}, "runner"),
    "notes/2025.md": ({"draft": True}, "seal"),
}


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        declared = {"fields": {"year": "number", "tags": "strings"}}
        for name in (COLLECTION, ELSEWHERE):
            client.put(f"/v1/collections/{name}", json=declared).raise_for_status()
        yield client


@pytest.fixture(scope="module")
def documents(api: httpx.Client) -> dict[str, dict[str, Any]]:
    ids = {
        path: upload(api, path, written(path), COLLECTION, metadata=metadata)
        for path, (metadata, _) in REPORTS.items()
    }
    return {path: settled(api, document_id) for path, document_id in ids.items()}


def written(path: str) -> bytes:
    metadata, part = REPORTS[path]
    return REPORT.format(year=metadata.get("year", "May"), part=part).encode()


def found(api: httpx.Client, **body: object) -> list[str]:
    asked = {"query": "inspection of the turbine", "collection": COLLECTION, **body}
    answer = api.post("/v1/search", json=asked)
    assert answer.status_code == 200, answer.text
    return sorted(hit["path"] for hit in answer.json()["hits"])


def test_a_document_shows_what_was_told_of_it(documents: dict[str, dict[str, Any]]) -> None:
    for path, (metadata, _) in REPORTS.items():
        assert documents[path]["status"] == "ready", documents[path]["reason"]
        assert documents[path]["metadata"] == metadata
        assert documents[path]["uploaded_at"]


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ({}, list(REPORTS)),
        ({"metadata": {"year": 2024}}, ["reports/2024/spring.md"]),
        ({"metadata": {"year": {"gt": 2024}}}, ["reports/2025/autumn.md"]),
        ({"metadata": {"tags": "spring"}}, ["reports/2024/spring.md"]),
        (
            {"metadata": {"draft": {"ne": True}}},
            ["reports/2024/spring.md", "reports/2025/autumn.md"],
        ),
        ({"metadata": {"year": {"exists": False}}}, ["notes/2025.md"]),
        ({"path": "reports/"}, ["reports/2024/spring.md", "reports/2025/autumn.md"]),
        ({"path": "notes/2025.md"}, ["notes/2025.md"]),
        ({"media_type": "text/html"}, []),
        ({"media_type": "text/markdown", "path": "notes/"}, ["notes/2025.md"]),
        ({"uploaded": {"after": "2000-01-01T00:00:00Z"}}, list(REPORTS)),
        ({"uploaded": {"before": "2000-01-01T00:00:00Z"}}, []),
        (
            {"any": [{"metadata": {"share": 0.5}}, {"path_prefix": "notes/"}]},
            ["notes/2025.md", "reports/2025/autumn.md"],
        ),
    ],
)
def test_a_filter_should_find_what_it_says(
    api: httpx.Client,
    documents: dict[str, dict[str, Any]],
    asked: dict[str, object],
    paths: list[str],
) -> None:
    assert found(api, filter=asked) == sorted(paths)


def test_an_answer_should_rest_on_what_the_filter_lets_through(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    question = "What did the inspection of the turbine find worn?"
    for path, (_, part) in list(REPORTS.items())[:2]:
        body = {"question": question, "collection": COLLECTION, "filter": {"path": path}}
        answer = api.post("/v1/ask", json=body).json()
        assert answer["answered"], answer
        assert part in answer["answer"]
        assert {citation["path"] for citation in answer["citations"]} == {path}


def test_the_scores_should_say_why_a_hit_is_where_it_is(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    body = {"query": "bearing of the turbine", "collection": COLLECTION}
    best = api.post("/v1/search", json=body).json()["hits"][0]
    assert best["path"] == "reports/2024/spring.md"
    scores = best["scores"]
    assert (scores["vector"]["rank"], scores["text"]["rank"]) == (1, 1)
    assert scores["fused"] == pytest.approx(2 / 61)
    assert 0 < scores["vector"]["similarity"] < best["score"]
    assert scores["vector"]["similarity"] <= 1
    assert scores["text"]["bm25"] > 0


def test_the_same_bytes_with_other_metadata_should_be_a_new_version(api: httpx.Client) -> None:
    path, content = "changing.md", b"# Sluice\n\nThe sluice gate was painted."
    before = settled(api, upload(api, path, content, ELSEWHERE, metadata={"year": 2001}))
    document_id = upload(api, path, content, ELSEWHERE, metadata={"year": 2002})
    after = before
    while after["version"] == before["version"]:
        after = settled(api, document_id)
    assert after["metadata"] == {"year": 2002}
    asked = {"query": "sluice gate", "collection": ELSEWHERE}
    assert found(api, **asked, filter={"metadata": {"year": 2002}}) == [path]
    assert found(api, **asked, filter={"metadata": {"year": 2001}}) == []


@pytest.mark.parametrize(
    ("carried", "status", "why"),
    [
        ('{"year": 1999}', "ready", ""),
        ("%%%", "rejected", "neither JSON nor JSON in base64url"),
        ('{"year": "last"}', "rejected", "in the collection elsewhere this is a number"),
    ],
    ids=["well", "malformed", "against the declaration"],
)
def test_an_object_put_by_hand_should_carry_metadata_too(
    cloud: CloudProcess, api: httpx.Client, carried: str, status: str, why: str
) -> None:
    place = InboxPlace("local", ELSEWHERE, f"by-hand-{status}-{len(why)}.md")
    cloud.client("s3").put_object(
        Bucket=cloud.outputs["DocumentsBucketName"],
        Key=place.key,
        Body=b"# Weir\n\nThe weir was rebuilt.",
        Metadata={"metadata": carried},
    )
    document = settled(api, place.document_id)
    assert (document["status"], why in document["reason"]) == (status, True)
    if status == "ready":
        assert document["metadata"] == {"year": 1999}
        asked = {"query": "weir", "filter": {"metadata": {"year": 1999}}}
        assert found(api, **asked, collection=ELSEWHERE) == [place.path]


def test_collections_should_count_what_they_hold(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    tally = api.get(f"/v1/collections/{COLLECTION}").json()["tally"]
    assert tally["documents"]["ready"] >= len(REPORTS)
    assert tally["chunks"] >= sum(document["chunks"] for document in documents.values())
    names = [item["name"] for item in api.get("/v1/collections").json()["items"]]
    assert COLLECTION in names
    assert api.delete(f"/v1/collections/{COLLECTION}").status_code == 409

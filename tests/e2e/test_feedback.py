"""Ratings from end to end: what they move and for whom, what is kept and what takes it away."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import settled, until, upload
from tests.e2e.tenants import Tenant, make_tenant
from tests.integration.webhooks.receiver import receiving

QUESTION = "Where is the spare key of the boat house?"
ALIKE = "Where can I find the boat house's spare key?"
UNLIKE = "When does the office open on Mondays?"
TEXTS = {
    "cabinet.txt": b"The spare key of the boat house hangs in the blue cabinet behind the door.",
    "pot.txt": b"The spare key of the boat house lies under the third pot beside the gate.",
    "office.txt": b"The office opens at nine on Mondays and at ten on all other days.",
    "opening.txt": b"On Mondays the office on the hill opens at eleven, as it does on Fridays.",
}


@pytest.fixture
def holding(cloud: CloudProcess) -> Iterator[Callable[[str], Tenant]]:
    """Return what makes a tenant that holds the documents."""
    made: list[Tenant] = []

    def make(name: str) -> Tenant:
        tenant = make_tenant(cloud, name)
        made.append(tenant)
        ids = [upload(tenant.api, path, text, "keys") for path, text in TEXTS.items()]
        assert {settled(tenant.api, each)["status"] for each in ids} == {"ready"}
        return tenant

    yield make
    for tenant in made:
        tenant.api.close()


def post(tenant: Tenant, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = tenant.api.post(path, json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def search(tenant: Tenant, query: str) -> dict[str, Any]:
    return post(tenant, "/v1/search", {"query": query, "rateable": True})


def paths(found: dict[str, Any]) -> list[str]:
    return [hit["path"] for hit in found["hits"]]


def moved(found: dict[str, Any]) -> dict[str, float]:
    scores = {hit["path"]: hit["scores"]["feedback"] for hit in found["hits"]}
    return {path: by for path, by in scores.items() if by is not None}


def rate(tenant: Tenant, **body: object) -> dict[str, Any]:
    return post(tenant, "/v1/feedback", dict(body), 201)


def rows(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """Return what is stored for training, by key."""
    s3, bucket = tenant.cloud.client("s3"), tenant.cloud.outputs["DocumentsBucketName"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"feedback/{tenant.name}/")
    return {
        each["Key"]: json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
        for each in listed.get("Contents", ())
    }


def better(hit: dict[str, Any]) -> dict[str, Any]:
    return {name: hit[name] for name in ("document_id", "page", "start", "end")}


def test_a_rating_moves_the_same_question_and_one_alike_and_no_other_and_no_other_tenant(
    holding: Callable[[str], Tenant],
) -> None:
    ours, theirs = holding("rates"), holding("rival")
    before = {query: search(ours, query) for query in (QUESTION, ALIKE, UNLIKE)}
    first, second = before[QUESTION]["hits"][:2]
    assert {first["path"], second["path"]} == {"cabinet.txt", "pot.txt"}
    assert not any(moved(found) for found in before.values())
    told = rate(
        ours,
        search_id=before[QUESTION]["search_id"],
        rating="down",
        better_passage=better(second),
    )
    assert told["ranks"] is True
    for query in (QUESTION, ALIKE):
        after = search(ours, query)
        assert paths(after)[0] == second["path"], query
        shifts = moved(after)
        assert shifts[first["path"]] < 0 < shifts[second["path"]]
    same, alike = (moved(search(ours, query)) for query in (QUESTION, ALIKE))
    assert alike[second["path"]] < same[second["path"]]
    unlike = search(ours, UNLIKE)
    assert unlike["hits"] == before[UNLIKE]["hits"]
    assert not moved(search(theirs, QUESTION))
    assert paths(search(theirs, QUESTION))[:2] == [first["path"], second["path"]]
    body = {"search_id": before[QUESTION]["search_id"], "rating": "up"}
    assert post(theirs, "/v1/feedback", body, 404)["error"]["field"] == "search_id"
    assert rows(theirs) == {}


def test_a_streamed_answer_is_rated_as_a_whole_one_and_kept_for_training(
    holding: Callable[[str], Tenant],
) -> None:
    ours = holding("streams")
    body = {"question": UNLIKE, "tier": "extractive"}
    with ours.api.stream("POST", "/v1/ask/stream", json=body) as response:
        lines = [line for line in response.iter_lines() if line.startswith("data: ")]
    done = json.loads(lines[-1].removeprefix("data: "))
    whole = post(ours, "/v1/ask", body)
    assert done["answer_id"] != whole["answer_id"]
    assert whole["answer_id"]
    for answer_id in (done["answer_id"], whole["answer_id"], whole["answer_id"]):
        rate(ours, answer_id=answer_id, rating="up", correction="At nine.")
    kept = rows(ours)
    assert len(kept) == 2
    (row,) = (each for each in kept.values() if each["asked"]["id"] == whole["answer_id"])
    assert (row["rating"], row["correction"]) == ("up", "At nine.")
    assert (row["asked"]["question"], row["asked"]["answer"]) == (UNLIKE, whole["answer"])
    cited = [(each["path"], each["quote"]) for each in row["asked"]["cited"]]
    assert cited == [(each["path"], each["quote"]) for each in whole["citations"]]


def test_a_rating_chooses_between_two_answers_that_the_documents_give(
    holding: Callable[[str], Tenant],
) -> None:
    tenant = holding("chooses")
    body = {"question": QUESTION, "tier": "extractive"}
    before = post(tenant, "/v1/ask", body)
    first = before["citations"][0]
    other = next(
        hit for hit in search(tenant, QUESTION)["hits"][:2] if hit["path"] != first["path"]
    )
    rate(tenant, answer_id=before["answer_id"], rating="down", better_passage=better(other))
    after = post(tenant, "/v1/ask", body)
    assert after["citations"][0]["path"] == other["path"]
    asked = {"question": "What is the salary of the boat house keeper?", "tier": "extractive"}
    assert post(tenant, "/v1/ask", asked)["answered"] is False


def test_a_rating_goes_with_its_document_and_is_none_of_the_next_one(cloud: CloudProcess) -> None:
    tenant = make_tenant(cloud, "forgets")
    document_id = upload(tenant.api, "cabinet.txt", TEXTS["cabinet.txt"], "keys")
    settled(tenant.api, document_id)
    answer = post(tenant, "/v1/ask", {"question": QUESTION, "tier": "extractive"})
    rate(tenant, answer_id=answer["answer_id"], rating="up")
    assert len(rows(tenant)) == 1
    assert moved(search(tenant, QUESTION))
    assert tenant.api.delete(f"/v1/documents/{document_id}").status_code == 200
    assert rows(tenant) == {}
    assert not [key for key in tenant.left() if "/VOTE#" in key or "/RATED#" in key]
    refused = post(tenant, "/v1/feedback", {"answer_id": answer["answer_id"], "rating": "up"}, 404)
    assert "deleted" in refused["error"]["message"]
    again = upload(tenant.api, "cabinet.txt", TEXTS["cabinet.txt"] + b" Ask Ann.", "keys")
    assert settled(tenant.api, again)["status"] == "ready"
    assert again == document_id
    until(lambda: search(tenant, QUESTION)["hits"], "nothing is found")
    assert not moved(search(tenant, QUESTION))
    tenant.api.close()


@pytest.mark.timeout(180)
def test_a_rating_is_exported_and_goes_with_its_tenant(cloud: CloudProcess) -> None:
    tenant = make_tenant(cloud, "leaves")
    settled(tenant.api, upload(tenant.api, "pot.txt", TEXTS["pot.txt"], "keys"))
    answer = post(tenant, "/v1/ask", {"question": QUESTION, "tier": "extractive"})
    rate(tenant, answer_id=answer["answer_id"], rating="up", correction="Under the pot.")
    job = tenant.ended(tenant.job("POST", "/v1/exports", {}))
    (records,) = (each for each in job["results"] if each["name"] == "records.zip")
    with ZipFile(io.BytesIO(httpx.get(records["url"]).content)) as archive:
        lines = archive.read("feedback.jsonl").splitlines()
    assert [json.loads(line) for line in lines] == list(rows(tenant).values())
    assert any("/ASKED#" in key for key in tenant.left())
    tenant.job("DELETE", "/v1/tenant", {"tenant": tenant.name})
    until(lambda: not tenant.left(), "something is left", 120)
    tenant.api.close()


def test_a_rating_is_heard_of_by_a_webhook(cloud: CloudProcess) -> None:
    tenant = make_tenant(cloud, "hears")
    found = post(tenant, "/v1/search", {"query": QUESTION, "rateable": True})
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/hook"
        post(tenant, "/v1/webhooks", {"url": url, "events": ["feedback.received"]}, 201)
        told = rate(tenant, search_id=found["search_id"], rating="down", comment="Nothing here.")
        until(lambda: receiver.got, "nobody heard of the rating")
        body = json.loads(receiver.got[0][2])
    assert (body["type"], told["ranks"]) == ("feedback.received", False)
    assert body["data"]["rated"] == found["search_id"]
    assert body["data"]["feedback_id"] == told["feedback_id"]
    assert "Nothing here." not in json.dumps(body)
    tenant.api.close()

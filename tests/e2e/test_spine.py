"""The one path that everything stands on: a dropped file becomes a cited answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra import tenants
from tests.cloud import CloudProcess
from tests.e2e.driving import Audit, api_of, settled, until, upload
from tests.integration.permitting import let_rules_send

SAMPLES = Path(__file__).parents[2] / "samples"


INVOICE = """Invoice number: INV-20417
Date: 14/03/2025
Subtotal: 100.00
Total: 141.50 EUR
"""
INVOICE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "invoice_number": {"type": "string", "title": "Invoice number"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "title": "Total"},
    },
}


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        yield client


@pytest.fixture(scope="module")
def documents(api: httpx.Client) -> dict[str, dict[str, Any]]:
    files = sorted(SAMPLES.iterdir())
    ids = {file.name: upload(api, file.name, file.read_bytes(), "station") for file in files}
    return {name: settled(api, document_id) for name, document_id in ids.items()}


def test_every_sample_should_become_ready_and_its_counts_should_reconcile(
    cloud: CloudProcess, documents: dict[str, dict[str, Any]]
) -> None:
    assert {document["status"] for document in documents.values()} == {"ready"}
    audit = Audit(cloud)
    for document in documents.values():
        mine = audit.vectors_of(document["document_id"])
        assert len(mine) == document["chunks"] > 0
        lines = cloud.client("s3").get_object(
            Bucket=cloud.outputs["DocumentsBucketName"],
            Key=f"documents/local/{document['document_id']}/{document['version']}/pages.jsonl",
        )["Body"]
        assert len(lines.read().splitlines()) == document["pages"]


def test_an_answer_should_cite_the_exact_characters_of_a_page(
    cloud: CloudProcess, api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    question = "When is the next inspection of the turbine due?"
    answer = api.post("/v1/ask", json={"question": question, "collection": "station"}).json()
    assert answer["answered"]
    assert "April 2028" in answer["answer"]
    assert answer["receipt"]["lines"]
    for citation in answer["citations"]:
        assert f"[{citation['n']}]" in answer["answer"]
        body = cloud.client("s3").get_object(
            Bucket=cloud.outputs["DocumentsBucketName"],
            Key=f"documents/local/{citation['document_id']}/{citation['version']}/pages.jsonl",
        )["Body"]
        pages = [json.loads(line) for line in body.read().splitlines()]
        text = next(page["text"] for page in pages if page["page"] == citation["page"])
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_a_citation_opens_as_text_as_a_picture_and_as_the_file(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    question = "When is the next inspection of the turbine due?"
    asked = api.post("/v1/ask", json={"question": question, "collection": "station"}).json()
    answer = api.get(f"/v1/answers/{asked['answer_id']}").json()
    beside = [
        shown
        for passage in asked["nearest"]
        for shown in (passage["citation"], passage["header"])
        if shown is not None
    ]
    assert answer["citations"] == [*asked["citations"], *beside]
    cited = next(each for each in asked["citations"] if each["path"].endswith(".pdf"))
    page = f"/v1/documents/{cited['document_id']}/pages/{cited['page']}"
    span = {"start": cited["start"], "end": cited["end"], "version": cited["version"]}
    assert api.get(page, params=span).json()["text"] == cited["quote"]
    highlight = {"highlight": f"{cited['start']}-{cited['end']}"}
    made, again = (api.get(f"{page}.png", params=highlight) for _ in range(2))
    assert (made.status_code, made.json()["highlighted"]) == (302, 1)
    assert again.json() | {"url": "", "expires_at": ""} == made.json() | {
        "url": "",
        "expires_at": "",
    }
    assert httpx.get(made.headers["Location"]).content.startswith(b"\x89PNG")
    layout = api.get(page, params=span | {"words": "true"}).json()["layout"]
    assert [word["text"] for word in layout["words"]] == cited["quote"].split()
    assert all(0 < word["left"] < word["right"] < layout["width"] for word in layout["words"])
    handbook = documents["operating-handbook.md"]
    markdown = f"/v1/documents/{handbook['document_id']}/pages/1?format=markdown&words=true"
    shown = api.get(markdown).json()
    assert shown["text"].startswith("# ")
    assert shown["layout"]["words"] is None
    assert "text/markdown" in shown["layout"]["reason"]
    original = api.get(f"/v1/documents/{cited['document_id']}/original").json()
    content = httpx.get(original["url"]).content
    assert content == (SAMPLES / "inspection-report.pdf").read_bytes()


def test_fields_should_be_extracted_with_evidence_reviewed_and_go_with_their_document(
    api: httpx.Client,
) -> None:
    put = api.post("/v1/extractors", json={"name": "invoices", "json_schema": INVOICE_SCHEMA})
    assert put.status_code == 201, put.text
    put = api.put("/v1/collections/invoices", json={"extractor": "invoices"})
    assert put.status_code == 200, put.text
    ids = {
        name: upload(api, name, INVOICE.replace("INV-20417", number).encode(), "invoices")
        for name, number in (("a.txt", "INV-20417"), ("b.txt", "INV-20418"))
    }
    documents = [settled(api, document_id) for document_id in ids.values()]
    assert {document["status"] for document in documents} == {"ready"}
    first = ids["a.txt"]

    def arrived() -> dict[str, Any] | None:
        found = api.get(f"/v1/extractions?document_id={first}").json()["items"]
        return found[0] if found else None

    on_arrival = until(arrived, "the collection's extractor did not read what arrived")
    assert (on_arrival["extractor"], on_arrival["pages"]) == ("invoices@1", 1)
    assert on_arrival["extraction_id"].endswith(on_arrival["job_id"])
    body = {"extractor": "invoices", "document_ids": [first]}
    made = api.post("/v1/extractions", json=body)
    assert made.status_code == 200, made.text
    shown = made.json()
    assert shown["values"]["invoice_number"] == "INV-20417"
    assert shown["values"]["date"] == "2025-03-14"
    text = api.get(f"/v1/documents/{first}/pages/1").json()["text"]
    for field in shown["shown_fields"]:
        for place in field["evidence"]:
            assert text[place["start"] : place["end"]] == field["raw"]

    begun = api.post("/v1/extractions", json={"extractor": "invoices", "collection": "invoices"})
    assert begun.status_code == 202, begun.text

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = api.get(f"/v1/jobs/{begun.json()['job_id']}").json()
        return job if job["status"] not in {"queued", "running"} else None

    job = until(ended, "the job did not end")
    assert (job["status"], job["counts"]["done"], job["counts"]["total"]) == ("succeeded", 2, 2)
    results = httpx.get(next(r["url"] for r in job["results"] if r["name"] == "results.jsonl"))
    numbers = {json.loads(line)["values"]["invoice_number"] for line in results.text.splitlines()}
    assert numbers == {"INV-20417", "INV-20418"}

    broken = INVOICE_SCHEMA | {"x-rules": ["date > date"]}
    assert api.put("/v1/extractors/invoices", json={"json_schema": broken}).json()["version"] == 2
    doubtful = api.post("/v1/extractions", json=body)
    assert doubtful.json()["status"] == "needs_review"
    named = {"extraction_id": doubtful.json()["extraction_id"]}
    claim = api.post("/v1/reviews/claims", json=named).json()["claim"]
    review = f"/v1/reviews/{claim['extraction']['extraction_id']}"
    decision = {"claim_id": claim["claim_id"], "decision": "approve"}
    edits = [{"pointer": "/total", "value": 7}]
    decided = api.put(review, json={**decision, "edits": edits})
    assert decided.json()["extraction"]["status"] == "reviewed", decided.text
    reviewed = f"/v1/extractions/{claim['extraction']['extraction_id']}"
    assert api.get(reviewed).json()["values"]["total"] == 7
    attempt = api.post("/v1/extractors/invoices/calibration").json()
    assert (attempt["taken"], attempt["documents"], attempt["rows"]) == (False, 1, 3)
    assert (attempt["labels"]["documents"], attempt["labels"]["labels"]) == (1, [])
    assert "1 reviewed documents show where" in attempt["labels"]["reason"]
    asked = {"query": "invoice", "filter": {"metadata": {"total": {"lte": 7}}}}
    hits = api.post("/v1/search", json=asked).json()["hits"]
    assert {hit["document_id"] for hit in hits} == {first}
    asked = {"query": "invoice", "filter": {"metadata": {"date_day": {"gte": 20250314}}}}
    assert api.post("/v1/search", json=asked).json()["hits"]

    assert api.delete(f"/v1/documents/{first}").status_code == 200
    assert api.get(reviewed).status_code == 404


def test_a_question_that_nothing_answers_should_be_refused(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    body = {"question": "What is the capital of Mongolia?", "collection": "station"}
    answer = api.post("/v1/ask", json=body).json()
    assert not answer["answered"]
    assert answer["outcome"] == "not_found"
    assert answer["answer"] == "This is not in these documents."
    assert answer["citations"] == answer["nearest"] == []
    assert answer["looked_at"]["passages"] > 0
    assert answer["looked_at"]["collection"] == "station"


def test_the_nearest_passages_should_open_where_no_sentence_says_it_outright(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    question = "Who pays for the second camera at the fish ladder?"
    answer = api.post("/v1/ask", json={"question": question, "collection": "station"}).json()
    assert (answer["outcome"], answer["answered"], answer["citations"]) == ("nearest", False, [])
    assert any("authority itself" in each["citation"]["quote"] for each in answer["nearest"])
    kept = api.get(f"/v1/answers/{answer['answer_id']}").json()
    shown = [passage["citation"] for passage in answer["nearest"]]
    assert [each for each in kept["citations"] if each in shown] == shown
    for cited in shown:
        place = f"/v1/documents/{cited['document_id']}/pages/{cited['page']}"
        span = {"start": cited["start"], "end": cited["end"]}
        assert api.get(place, params=span).json()["text"] == cited["quote"]


def test_an_unknown_collection_should_be_refused_with_the_closest_name(
    api: httpx.Client, documents: dict[str, dict[str, Any]]
) -> None:
    for path, text in (("search", "query"), ("ask", "question"), ("ask/stream", "question")):
        refused = api.post(f"/v1/{path}", json={text: "the turbine", "collection": "statoin"})
        assert refused.status_code == 404
        error = refused.json()["error"]
        assert (error["field"], "Did you mean station?" in error["message"]) == ("collection", True)


def test_ready_should_be_announced_on_the_bus(cloud: CloudProcess, api: httpx.Client) -> None:
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    bus = cloud.outputs["EventBusName"]
    events.put_rule(Name="listen", EventBusName=bus, EventPattern='{"source": ["headrace"]}')
    target = {"Id": "queue", "Arn": let_rules_send(sqs, url)}
    events.put_targets(Rule="listen", EventBusName=bus, Targets=[target])
    document_id = upload(api, "note.txt", b"The weir was painted in May 2024.", "announced")
    settled(api, document_id)

    def heard() -> bool:
        received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
        return any(
            '"document.ready"' in message["Body"] and document_id in message["Body"]
            for message in received
        )

    until(heard, "document.ready was not heard")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.txt", b"   \n", "text"),
        ("archive.txt", b"PK\x03\x04" + bytes(200), ""),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj\n<<", ""),
        ("noise.bin", bytes(range(256)) * 20, ""),
    ],
)
def test_what_cannot_be_read_should_be_rejected_with_a_reason(
    api: httpx.Client, name: str, content: bytes, words: str
) -> None:
    document = settled(api, upload(api, name, content, "rejected"))
    assert document["status"] == "rejected"
    assert len(document["reason"]) > 15
    assert words in document["reason"]


def test_a_larger_file_than_announced_limits_should_be_refused_by_the_upload(
    api: httpx.Client,
) -> None:
    refused = api.post("/v1/documents", json={"path": "big.txt", "bytes": 10**12})
    assert refused.status_code in (400, 413)
    error = refused.json()["error"]
    assert error["field"] == "bytes"
    assert error["limit"]


def test_a_new_version_should_replace_the_old_one_only_when_ready(
    cloud: CloudProcess, api: httpx.Client
) -> None:
    document_id = upload(api, "sign.txt", b"The gate opens at seven o'clock.", "versions")
    first = settled(api, document_id)
    upload(api, "sign.txt", b"The gate opens at nine o'clock.", "versions")

    def replaced() -> dict[str, Any] | None:
        document: dict[str, Any] = api.get(f"/v1/documents/{document_id}").json()
        return document if document["version"] != first["version"] else None

    second = until(replaced, "the second version did not become ready")
    assert second["status"] == "ready"
    body = {"query": "When does the gate open?", "collection": "versions"}
    hits = api.post("/v1/search", json=body).json()["hits"]
    assert [hit["text"] for hit in hits] == ["The gate opens at nine o'clock."]


def test_deleting_should_leave_nothing_to_find(api: httpx.Client) -> None:
    document_id = upload(api, "gone.txt", b"The heron nests on the weir.", "deleted")
    settled(api, document_id)
    assert api.delete(f"/v1/documents/{document_id}").status_code == 200
    assert api.get(f"/v1/documents/{document_id}").status_code == 404
    body = {"query": "Where does the heron nest?", "collection": "deleted"}
    answer = api.post("/v1/search", json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (404, "collection")


def test_a_small_document_should_cost_few_billed_transitions(
    cloud: CloudProcess, documents: dict[str, dict[str, Any]]
) -> None:
    audit = Audit(cloud)
    version = documents["meeting-minutes.txt"]["version"]
    (execution,) = [each for each in audit.executions() if each["name"].startswith(version)]
    history = audit.history(execution["executionArn"])
    entered = [event for event in history if event["type"].endswith("StateEntered")]
    assert len(entered) <= 6, [event["stateEnteredEventDetails"]["name"] for event in entered]


def test_another_tenants_document_should_not_be_there(
    cloud: CloudProcess, documents: dict[str, dict[str, Any]]
) -> None:
    stage = tenants.TenantStorage(
        cloud.outputs["RecordsTableName"], cloud.outputs["VectorBucketName"]
    )
    tenants.create_tenant(cloud.client, stage, "others")
    key = tenants.new_key()
    tenants.grant_key(cloud.client("dynamodb"), stage.records_table, key, "others", "test")
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=cloud.endpoint_url, headers=headers) as other:
        known = documents["meeting-minutes.txt"]["document_id"]
        assert other.get(f"/v1/documents/{known}").status_code == 404
        assert other.delete(f"/v1/documents/{known}").status_code == 404
        assert other.get("/v1/documents").json()["items"] == []
        assert tenants.revoke_key(cloud.client("dynamodb"), stage.records_table, key, "others")
        assert other.get("/v1/documents").status_code in (401, 403)

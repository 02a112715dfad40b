"""`/v1/extractions` and `/v1/extractors`: what is read at once, what is a job, what is refused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.api import extraction_queries
from chalicelib.api.cursors import write_offset
from chalicelib.api.extractions import DIRECT_MODEL_SECONDS
from chalicelib.contracts.batches import ChildrenUsed
from chalicelib.contracts.documents import Document
from chalicelib.contracts.extraction_models import ModelTerms
from chalicelib.contracts.extraction_orders import ExtractionCheckpoint, ExtractionInput
from chalicelib.errors import Transient
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.functions.extract_fields.world import INVOICE, SCHEMA, World

URL = "/v1/extractions"
EXTRACTORS = "/v1/extractors"


class Room:
    """The API beside the function and the documents that it reads."""

    def __init__(self) -> None:
        self.api = Api()
        self.world = World(
            objects=self.api.batch_objects,
            documents=self.api.records,
            records=self.api.extraction_records,
        )
        self.api.extraction.read = self.world.do
        self.invoice = self.world.add("a.pdf")

    def extract(self, **body: Any) -> Any:
        told = {"json_schema": SCHEMA, "document_ids": [self.invoice.document_id]}
        return self.api.call("POST", URL, told | body)


@pytest.fixture
def room() -> Room:
    return Room()


def test_a_short_document_should_be_answered_with_its_fields(room: Room) -> None:
    made = room.extract()
    assert made.status_code == 200, made.body
    shown = made.json_body
    assert shown["values"] == {"number": "A-17", "total": 41.5, "due": None}
    first = shown["shown_fields"][0]
    place = first["evidence"][0]
    assert INVOICE[place["start"] : place["end"]] == first["raw"]
    assert shown["json_schema"] == SCHEMA
    one = f"{URL}/{shown['extraction_id']}"
    assert room.api.call("GET", one).json_body == shown
    assert room.api.call("GET", one, key=OTHER_KEY).status_code == 404
    page = room.api.call("GET", f"{one}/fields?limit=2").json_body
    assert [each["pointer"] for each in page["items"]] == ["/number", "/total"]
    rest = room.api.call("GET", f"{one}/fields?limit=2&cursor={page['next_cursor']}").json_body
    assert [each["pointer"] for each in rest["items"]] == ["/due"]
    assert rest["next_cursor"] is None
    asked = {"extraction": shown["extraction_id"], "status": shown["status"]}
    for at in (5, 10**9):
        nowhere = room.api.call("GET", f"{one}/fields?cursor={write_offset(at, asked, '')}")
        assert (nowhere.status_code, error_of(nowhere)["field"]) == (400, "cursor")
    for form, file in (("jsonl", "fields.jsonl"), ("csv", "fields.csv"), ("rows", "rows.csv")):
        found = room.api.call("GET", f"{one}/export?format={form}").json_body
        assert found["name"].endswith(file)
        assert f"/{file}?900" in found["url"]
    assert error_of(room.api.call("GET", f"{one}/export?format=xml"))["field"] == "format"


def test_a_repeated_request_should_extract_once(room: Room) -> None:
    body = {"json_schema": SCHEMA, "document_ids": [room.invoice.document_id]}
    first, again = (room.api.call("POST", URL, body, Idempotency_Key="k") for _ in range(2))
    assert first.json_body == again.json_body
    assert len(room.api.extraction_records.kept) == 1


def test_a_wide_schema_should_be_a_job_for_a_document_of_many_pages(room: Room) -> None:
    wide = {"type": "object", "properties": {f"f{n}": {"type": "string"} for n in range(60)}}
    assert room.extract(json_schema=wide).status_code == 200
    room.api.records.add(room.invoice.model_copy(update={"pages": 9}))
    assert room.extract(json_schema=wide).status_code == 202


def test_a_long_document_several_or_a_collection_should_be_a_job(room: Room) -> None:
    long = room.invoice.model_copy(update={"pages": 11})
    room.api.records.add(long)
    body = {"json_schema": SCHEMA, "document_ids": [long.document_id]}
    begun, again = (room.api.call("POST", URL, body, Idempotency_Key="k") for _ in range(2))
    assert begun.status_code == 202, begun.body
    job = begun.json_body
    assert again.json_body == job
    assert (job["kind"], job["status"]) == ("extraction", "queued")
    (state,) = room.api.job_records.kept.values()
    assert state.input.machine == "extract"
    given = room.api.batch_objects.bodies[f"jobs/acme/{job['job_id']}/extraction.json"]
    assert ExtractionInput.model_validate_json(given).document_ids == (long.document_id,)
    assert room.extract(background=True).status_code == 202
    every = room.api.call("POST", URL, {"json_schema": SCHEMA, "collection": "default"})
    assert every.status_code == 202
    listed = room.api.call("GET", "/v1/jobs?kind=extraction").json_body["items"]
    assert len(listed) == 3
    used = ChildrenUsed(children=2, seconds=3, gb_seconds=6)
    place = ExtractionCheckpoint(items=3, missing=3, used=used)
    room.api.job_records.kept["acme", job["job_id"]] = replace(
        room.api.job_records.kept["acme", job["job_id"]], checkpoint=place.model_dump_json()
    )
    shown = room.api.call("GET", f"/v1/jobs/{job['job_id']}").json_body["receipt"]
    assert [line["role"] for line in shown["lines"]][:2] == ["asking", "children"]
    cancelled = room.api.call("DELETE", f"/v1/jobs/{job['job_id']}").json_body
    assert cancelled["status"] == "cancelled"
    room.api.batch_objects.bodies[f"jobs/acme/{job['job_id']}/outcomes/00000001.json"] = b"{}"
    counts = room.api.call("GET", f"/v1/jobs/{job['job_id']}").json_body["counts"]
    assert (counts["total"], counts["done"], counts["cancelled"]) == (3, 1, 2)


def test_extractions_should_be_listed_by_document_and_status(room: Room) -> None:
    other = room.world.add("b.pdf", INVOICE + "\nunsure")
    for each in (room.invoice, other):
        room.extract(document_ids=[each.document_id])
    listed = room.api.call("GET", f"{URL}?limit=1").json_body
    rest = room.api.call("GET", f"{URL}?limit=1&cursor={listed['next_cursor']}").json_body
    documents = [each["document_id"] for each in (*listed["items"], *rest["items"])]
    assert documents == sorted([room.invoice.document_id, other.document_id])
    doubtful = room.api.call("GET", f"{URL}?status=needs_review").json_body["items"]
    assert [each["path"] for each in doubtful] == ["b.pdf"]
    of_one = room.api.call("GET", f"{URL}?document_id={other.document_id}").json_body["items"]
    assert [each["path"] for each in of_one] == ["b.pdf"]
    assert error_of(room.api.call("GET", f"{URL}?status=odd"))["field"] == "status"
    assert error_of(room.api.call("GET", f"{URL}?document_id=odd"))["field"] == "document_id"
    (name, stored), *_ = room.api.extraction_records.kept.items()
    job_id = "01J9ZQ3V5B8X6N2M4K7T0RWFHD"
    facts = stored.facts.model_copy(update={"job_id": job_id})
    room.api.extraction_records.kept[name] = replace(stored, facts=facts)
    of_job = room.api.call("GET", f"{URL}?job_id={job_id}").json_body["items"]
    assert [each["extraction_id"] for each in of_job] == [facts.extraction_id]
    assert error_of(room.api.call("GET", f"{URL}?job_id=odd"))["field"] == "job_id"


def test_extractions_should_be_listed_with_the_newest_first(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [room.invoice.document_id, room.world.add("b.pdf").document_id]
    made = [room.extract(document_ids=[ids[n % 2]]).json_body["extraction_id"] for n in range(5)]
    of_one = [each for each in made if ids[0].removeprefix("doc_") in each]
    for query, wanted in (("", made), (f"&document_id={ids[0]}", of_one)):
        url = f"{URL}?limit=2&order=newest{query}"
        listed: list[str] = []
        page = room.api.call("GET", url).json_body
        listed += [each["extraction_id"] for each in page["items"]]
        while page["next_cursor"]:
            page = room.api.call("GET", f"{url}&cursor={page['next_cursor']}").json_body
            listed += [each["extraction_id"] for each in page["items"]]
        assert listed == sorted(wanted, key=lambda each: each[-26:], reverse=True)
    monkeypatch.setattr(extraction_queries, "MAX_SORTED", 4)
    refused = error_of(room.api.call("GET", f"{URL}?order=newest"))
    assert (refused["type"], refused["field"], refused["limit"]) == ("Unsupported", "order", "4")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"json_schema": None}, "schema"),
        ({"extractor": "invoices"}, "schema"),
        ({"document_ids": []}, "document_ids"),
        ({"collection": "default"}, "document_ids"),
        ({"version": 1}, "version"),
        ({"json_schema": {"type": "object", "properties": {}}}, "json_schema"),
        ({"document_ids": ["x"]}, "document_ids"),
    ],
)
def test_a_request_that_says_no_one_thing_should_be_refused(
    room: Room, body: dict[str, Any], named: str
) -> None:
    refused = room.extract(**body)
    assert refused.status_code == 400, refused.body
    assert named in str(error_of(refused))


def test_a_document_that_is_missing_or_not_ready_should_be_told(room: Room) -> None:
    assert room.extract(document_ids=["doc_" + "x" * 24]).status_code == 404
    reading = room.invoice.model_copy(update={"version": "", "status": "processing"})
    room.api.records.add(reading)
    refused = room.extract()
    assert refused.status_code == 409
    assert "once it is ready" in error_of(refused)["message"]
    assert error_of(room.extract(extractor="none", json_schema=None))["type"] == "NotFound"


def test_a_function_that_does_not_answer_should_be_a_passing_error(room: Room) -> None:
    room.world.reader.fails["A-17"] = Transient("The extraction function failed: timed out")
    assert room.extract().status_code == 503


def test_an_extractor_should_be_saved_shown_and_extracted_by(room: Room) -> None:
    body = {"name": "invoices", "json_schema": SCHEMA, "description": "Totals"}
    made = room.api.call("POST", EXTRACTORS, body, Idempotency_Key="k")
    assert made.status_code == 201, made.body
    assert room.api.call("POST", EXTRACTORS, body, Idempotency_Key="k").json_body == made.json_body
    assert room.api.call("POST", EXTRACTORS, body).status_code == 409
    one = f"{EXTRACTORS}/invoices"
    assert room.api.call("GET", one).json_body["json_schema"] == SCHEMA
    narrow = {"type": "object", "properties": {"total": {"type": "number"}}}
    put = room.api.call("PUT", one, {"json_schema": narrow})
    assert put.json_body["version"] == 2
    assert room.api.call("GET", f"{one}?version=1").json_body["json_schema"] == SCHEMA
    for odd in ("x", "0", "1" * 5_000):
        assert error_of(room.api.call("GET", f"{one}?version={odd}"))["field"] == "version"
        listed = room.api.call("GET", f"{EXTRACTORS}?limit=000000001{odd}")
        assert error_of(listed)["field"] == "limit"

    newest = room.extract(json_schema=None, extractor="invoices").json_body
    assert (newest["extractor"], newest["values"]) == ("invoices@2", {"total": 41.5})
    older = room.extract(json_schema=None, extractor="invoices", version=1).json_body
    assert older["extractor"] == "invoices@1"
    listed = room.api.call("GET", EXTRACTORS).json_body["items"]
    assert [(each["name"], each["version"]) for each in listed] == [("invoices", 2)]
    assert room.api.call("GET", EXTRACTORS, key=OTHER_KEY).json_body["items"] == []
    assert room.api.call("DELETE", one).status_code == 204
    assert room.api.call("GET", one).status_code == 404
    assert room.api.call("PUT", one, {"json_schema": SCHEMA}).status_code == 404
    assert room.api.call("GET", f"{EXTRACTORS}/UPPER").status_code == 404


def test_a_packet_and_a_choice_of_extractors_should_be_jobs(room: Room) -> None:
    for name in ("invoices", "letters"):
        body = {"name": name, "json_schema": SCHEMA}
        assert room.api.call("POST", EXTRACTORS, body).status_code == 201
    assert room.extract(split=True).status_code == 202
    chosen = room.extract(json_schema=None, extractors=["letters", "invoices@1"])
    assert chosen.status_code == 202, chosen.body
    key = f"jobs/acme/{chosen.json_body['job_id']}/extraction.json"
    given = ExtractionInput.model_validate_json(room.api.batch_objects.bodies[key])
    terms = [given.terms.extractor, *(each.extractor for each in given.others)]
    assert (terms, given.split) == (["letters@1", "invoices@1"], False)
    missing = room.extract(json_schema=None, extractors=["letters", "bills@2"])
    assert missing.status_code == 404
    for wrong in (
        {"extractors": ["letters", "letters"], "json_schema": None},
        {"extractors": ["letters"]},
        {"extractors": ["letters@0"], "json_schema": None},
        {"extractors": [f"e{n}" for n in range(9)], "json_schema": None},
    ):
        refused = room.extract(**wrong)
        assert refused.status_code == 400, wrong
        assert "Value error" not in refused.json_body["error"]["message"]


def test_a_documents_record_should_not_be_needed_to_show_what_was_extracted(room: Room) -> None:
    shown = room.extract().json_body
    document: Document = room.invoice
    room.api.records.stored["acme"].pop(document.document_id)
    assert room.api.call("GET", f"{URL}/{shown['extraction_id']}").status_code == 200
    assert room.api.call("GET", f"{URL}/ext_odd").status_code == 404


def test_a_model_should_be_that_of_the_request_or_else_of_the_extractor(room: Room) -> None:
    asked = room.world.selector.asked
    body = {"model": "auto", "quality": 3, "budget": "0.01"}
    put = {"name": "bills", "json_schema": SCHEMA, **body}
    saved = room.api.call("POST", EXTRACTORS, put)
    assert saved.json_body["model"] == body
    ours = {"json_schema": None, "extractor": "bills"}
    shown = room.extract(**ours).json_body
    assert shown["values"]["due"] == "2025-03-14"
    assert (shown["shown_fields"][2]["method"], shown["choices"]["model"]) == ("model", "auto")
    assert asked[-1][0] == ModelTerms(model="auto", quality=3, budget=Decimal("0.01"))
    key = asked[-1][1].key
    assert (len(key) > 0, asked[-1][2]) == (True, DIRECT_MODEL_SECONDS)
    room.extract(**ours, model="nova-lite")
    assert asked[-1][0] == ModelTerms(model="nova-lite")
    assert room.extract(**ours, model="none").json_body["choices"] is None
    assert len(asked) == 2
    begun = room.extract(**ours, background=True).json_body
    given = room.api.batch_objects.bodies[f"jobs/acme/{begun['job_id']}/extraction.json"]
    written = ExtractionInput.model_validate_json(given)
    assert written.terms.model == ModelTerms(model="auto", quality=3, budget=Decimal("0.01"))
    assert written.key == key
    del put["name"], put["model"], put["quality"], put["budget"]
    again = room.api.call("PUT", f"{EXTRACTORS}/bills", put).json_body
    assert (again["version"], again["model"]) == (2, None)


def test_a_model_should_be_paid_once_for_a_repeated_request(room: Room) -> None:
    body = {"json_schema": SCHEMA, "document_ids": [room.invoice.document_id], "model": "nova-pro"}
    first, again = (room.api.call("POST", URL, body, Idempotency_Key="k") for _ in range(2))
    assert first.json_body == again.json_body
    assert len(room.world.selector.asked) == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"model": "gone"}, 404, "model"),
        ({"quality": 2}, 400, "quality"),
        ({"budget": "1"}, 400, "budget"),
        ({"model": "auto", "budget": "-1"}, 400, "budget"),
        ({"model": "auto", "quality": 6}, 400, "quality"),
    ],
)
def test_a_model_that_cannot_be_asked_should_be_refused(
    room: Room, body: dict[str, Any], status: int, field: str
) -> None:
    refused = room.extract(**body)
    assert refused.status_code == status, refused.body
    assert field in str(error_of(refused))
    put = room.api.call("POST", EXTRACTORS, {"name": "bills", "json_schema": SCHEMA, **body})
    assert put.status_code == status, put.body
    assert room.world.selector.asked == []

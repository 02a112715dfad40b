"""`/v1/reviews`: claims, edits with what was before, one or two approvals, and rows to train on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.contracts.extraction_reviews import (
    MAX_EDIT_BYTES,
    EditRequest,
    PutReviewRequest,
)
from chalicelib.contracts.extractions import ExtractionReady
from chalicelib.errors import Conflict, InvalidInput
from chalicelib.extraction.schema import extraction_schema
from chalicelib.labelling.field_edits import check_edit
from tests.unit.api.fakes import OTHER_KEY, error_of
from tests.unit.api.records import NOW
from tests.unit.api.test_extractions import URL, Room
from tests.unit.batches.fakes import FakeBatchObjects
from tests.unit.functions.extract_fields.world import INVOICE, SCHEMA

REVIEWS = "/v1/reviews"
CLAIMS = f"{REVIEWS}/claims"
UNSURE = INVOICE + "\nunsure"


def _place(page: int, start: int, end: int) -> dict[str, int]:
    return {"page": page, "start": start, "end": end}


class Office(Room):
    """A room with one extraction that is doubtful, beside one that is complete."""

    def __init__(self) -> None:
        super().__init__()
        self.extract()
        self.doubtful = self.world.add("b.pdf", UNSURE)
        self.api.call("POST", "/v1/extractors", {"name": "bills", "json_schema": SCHEMA})
        body = {"json_schema": None, "extractor": "bills"}
        made = self.extract(document_ids=[self.doubtful.document_id], **body)
        self.extraction_id: str = made.json_body["extraction_id"]
        self.one = f"{REVIEWS}/{self.extraction_id}"

    def claim(self, reviewer: str, **body: Any) -> Any:
        return self.api.call("POST", CLAIMS, {"reviewer": reviewer, **body}).json_body["claim"]

    def put(self, claim: Any, reviewer: str, **body: Any) -> Any:
        told = {"claim_id": claim["claim_id"], "reviewer": reviewer, **body}
        return self.api.call("PUT", self.one, told)


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_correction_should_take_the_place_of_what_was_read(office: Office) -> None:
    (waiting,) = office.api.call("GET", REVIEWS).json_body["items"]
    assert waiting["extraction"]["extraction_id"] == office.extraction_id
    claim = office.claim("ann")
    assert claim["extraction"]["values"]["total"] == 41.5
    assert office.claim("bob") is None, "ann has the only one"
    edits = [
        {"pointer": "/total", "value": 45.1, "evidence": [{"page": 1, "start": 19, "end": 25}]},
        {"pointer": "/number", "value": None},
    ]
    saved = office.put(claim, "ann", edits=edits)
    assert saved.status_code == 200, saved.body
    assert (
        office.api.call("GET", f"{URL}/{office.extraction_id}").json_body["values"]
        == (claim["extraction"]["values"])
    ), "nothing changes before an approval"
    assert office.api.indexed == []
    done = office.put(claim, "ann", decision="approve").json_body
    assert office.api.indexed == [("acme", office.extraction_id)], "its values filter searches"

    assert done["extraction"]["status"] == "reviewed"
    diffs = [(each["pointer"], each["before"], each["after"]) for each in done["review"]["edits"]]
    assert diffs == [("/total", 41.5, 45.1), ("/number", "A-17", None)]

    shown = office.api.call("GET", f"{URL}/{office.extraction_id}").json_body
    assert shown["values"] == {"number": None, "total": 45.1, "due": None}
    assert (claim["extraction"]["found"], shown["found"]) == (2, 1)
    number, total, _ = shown["shown_fields"]
    assert (total["confidence"], total["raw"], number["evidence"]) == (1.0, "", [])
    export = office.api.call("GET", f"{URL}/{office.extraction_id}/export?format=csv").json_body
    assert "/reviewed/fields.csv" in export["url"]
    event = office.api.bus.events[-1]
    assert isinstance(event, ExtractionReady)
    assert event.status == "reviewed"
    assert office.api.call("GET", REVIEWS).json_body["items"] == []

    first = office.api.call("GET", f"{office.one}/rows?limit=2").json_body
    rest = office.api.call("GET", f"{office.one}/rows?cursor={first['next_cursor']}").json_body
    rows = [*first["items"], *rest["items"]]
    assert [(row["pointer"], row["correct"]) for row in rows] == [
        ("/number", False),
        ("/total", False),
        ("/due", True),
    ]
    assert (rows[1]["proposed"], rows[1]["value"], rows[1]["confidence"]) == (41.5, 45.1, 0.4)


def test_what_is_complete_should_be_taken_by_its_id_and_wait_until_it_is_decided(
    office: Office,
) -> None:
    (complete,) = office.api.call("GET", f"{URL}?status=complete").json_body["items"]
    office.extraction_id = complete["extraction_id"]
    office.one = f"{REVIEWS}/{office.extraction_id}"
    claim = office.claim("ann", extraction_id=office.extraction_id)
    assert claim["extraction"]["status"] == "complete"
    saved = office.put(claim, "ann", edits=[{"pointer": "/total", "value": 9}]).json_body
    assert saved["extraction"]["status"] == "needs_review"
    queue = office.api.call("GET", REVIEWS).json_body["items"]
    assert office.extraction_id in {each["extraction"]["extraction_id"] for each in queue}
    done = office.put(claim, "ann", decision="approve").json_body["extraction"]
    assert done["status"] == "reviewed"
    values = office.api.call("GET", f"{URL}/{office.extraction_id}").json_body["values"]
    assert values["total"] == 9
    again = {"extraction_id": office.extraction_id}
    assert "extract again" in error_of(office.api.call("POST", CLAIMS, again))["message"]


def test_two_eyes_should_see_the_same_values(office: Office) -> None:
    first = office.claim("ann", eyes=2)
    assert office.put(first, "ann", decision="approve").json_body["review"]["decision"] == "open"
    refused = office.api.call(
        "POST", CLAIMS, {"reviewer": "ann", "extraction_id": office.extraction_id}
    )
    assert "another one has to look" in error_of(refused)["message"]
    second = office.claim("bob", eyes=1)
    changed = office.put(
        second, "bob", edits=[{"pointer": "/total", "value": 42}], decision="approve"
    ).json_body["review"]
    assert (changed["decision"], len(changed["approved_by"])) == ("open", 1)
    third = office.claim("ann")
    ended = office.put(third, "ann", decision="approve").json_body
    assert ended["extraction"]["status"] == "reviewed"
    assert len(ended["review"]["approved_by"]) == 2


def test_an_expired_claim_should_make_way_for_another(office: Office) -> None:
    late = office.claim("ann", minutes=5)
    office.api.moment = NOW + timedelta(minutes=4)
    assert office.claim("bob") is None
    office.api.moment = NOW + timedelta(minutes=6)
    mine = office.claim("bob")
    refused = office.put(late, "ann", decision="approve")
    assert refused.status_code == 409
    assert "expired" in error_of(refused)["message"]
    rejected = office.put(mine, "bob", decision="reject", reason="It is no invoice.").json_body
    assert rejected["extraction"]["status"] == "rejected"
    assert rejected["review"]["reason"] == "It is no invoice."
    assert office.put(mine, "bob", decision="approve").status_code == 409
    assert error_of(office.api.call("GET", f"{office.one}/rows"))["type"] == "Conflict"


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ({"pointer": "/none", "value": 1}, "no value at /none"),
        ({"pointer": "/total", "value": "x"}, "type number"),
        ({"pointer": "/total", "value": True}, "type number"),
        ({"pointer": "/total", "value": 10**400}, "its schema allows"),
        ({"pointer": "/due", "value": "tomorrow"}, "its schema allows"),
        ({"pointer": "/number", "value": "x", "evidence": [_place(2, 0, 1)]}, "from 1 to 1"),
        ({"pointer": "/number", "value": "x", "evidence": [_place(1, 3, 3)]}, "start to before"),
        ({"pointer": "/number", "value": "x", "evidence": [_place(1, 3, 9_999)]}, "9999 of page 1"),
    ],
)
def test_an_edit_that_cannot_be_should_be_refused(
    office: Office, edit: dict[str, Any], told: str
) -> None:
    refused = office.put(office.claim("ann"), "ann", edits=[edit])
    assert refused.status_code == 400, refused.body
    assert told in error_of(refused)["message"]
    assert error_of(refused)["field"] == "edits"


def test_a_claim_should_be_replaced_by_a_newer_one_of_the_same_reviewer(office: Office) -> None:
    older = office.claim("ann")
    newer = office.claim("ann", extraction_id=office.extraction_id)
    refused = error_of(office.put(older, "ann", decision="approve"))
    assert (refused["type"], refused["field"]) == ("Conflict", "claim_id")
    assert "go on with the newest claim" in refused["message"]
    assert office.put(newer, "ann", decision="approve").status_code == 200


@dataclass
class LateObjects:
    """Objects before whose first write something else happens."""

    objects: FakeBatchObjects
    happens: list[Callable[[], object]]

    def write(self, bucket: str, key: str, body: bytes, metadata: dict[str, str]) -> None:
        while self.happens:
            self.happens.pop()()
        self.objects.write(bucket, key, body, metadata)


def test_an_approval_that_comes_second_should_leave_the_files_of_the_first(office: Office) -> None:
    claim, reviews = office.claim("ann"), office.api.extraction_reviews.reviews
    lease = reviews.state("acme", office.extraction_id).review.lease
    assert lease is not None
    first, second = ({"edits": [{"pointer": "/total", "value": n}]} for n in (1, 2))
    approve = {"decision": "approve"}
    happens = [lambda: office.put(claim, "ann", **first, **approve)]
    late = replace(reviews, objects=LateObjects(office.api.batch_objects, happens))
    told = {"claim_id": claim["claim_id"], **second, **approve}
    given = PutReviewRequest.model_validate(told)
    with pytest.raises(Conflict, match="reviewed already"):
        late.put("acme", office.extraction_id, lease.reviewer, given)
    shown = office.api.call("GET", f"{URL}/{office.extraction_id}").json_body
    assert (shown["status"], shown["values"]["total"]) == ("reviewed", 1)


def test_edits_should_fit_into_the_record_of_their_review(office: Office) -> None:
    claim = office.claim("ann")
    long = [{"pointer": "/number", "value": "ä" * 80_000}]
    assert office.put(claim, "ann", edits=long).status_code == 200
    refused = error_of(office.put(claim, "ann", edits=long))
    assert (refused["type"], refused["field"], refused["limit"]) == (
        "QuotaExceeded",
        "edits",
        str(MAX_EDIT_BYTES),
    )
    assert len(office.api.call("GET", office.one).json_body["review"]["edits"]) == 1


def test_a_cell_of_a_list_should_be_edited_by_its_row(office: Office) -> None:
    folder = next(
        key.removesuffix("schema.json")
        for key in office.api.batch_objects.bodies
        if key.endswith("schema.json") and office.doubtful.document_id in key
    )
    rows = {"type": "array", "items": {"type": "object", "properties": {"sum": {"type": "number"}}}}
    bodies = office.api.batch_objects.bodies
    schema = {"type": "object", "properties": {"lines": rows}}
    bodies[folder + "schema.json"] = json.dumps(schema).encode()
    result = json.loads(bodies[folder + "result.json"])
    result["values"] = {"lines": [{"sum": 1}, {"sum": 2}]}
    bodies[folder + "result.json"] = json.dumps(result).encode()
    fields = [{"pointer": f"/lines/{n}/sum", "value": n + 1, "confidence": 0.4} for n in range(2)]
    bodies[folder + "fields.jsonl"] = b"".join(json.dumps(f).encode() + b"\n" for f in fields)
    claim = office.claim("ann")
    beyond = office.put(claim, "ann", edits=[{"pointer": "/lines/7/sum", "value": 3}])
    assert "adds no rows" in error_of(beyond)["message"]
    edits = [{"pointer": "/lines/1/sum", "value": 20}]
    assert office.put(claim, "ann", edits=edits, decision="approve").status_code == 200
    shown = office.api.call("GET", f"{URL}/{office.extraction_id}").json_body
    assert shown["values"] == {"lines": [{"sum": 1}, {"sum": 20}]}


@pytest.mark.parametrize(
    ("part", "good", "odd"),
    [
        ({"type": "string", "pattern": "^A-[0-9]+$"}, "A-7", "B-7"),
        ({"type": "string", "maxLength": 2}, "ab", "abc"),
        ({"type": "number", "minimum": 0.1, "multipleOf": 0.1}, 0.3, 0),
        ({"type": "number", "const": 0.3}, 0.3, 5),
        ({"type": "number", "enum": [0.3, 4]}, 0.3, 3),
        ({"type": "number", "x-kind": "money", "enum": [0.3, 4]}, 0.3, 3),
        ({"type": "string", "format": "date"}, "2025-03-14", "20250314"),
    ],
)
def test_an_edit_should_keep_to_the_constraints_of_its_schema(
    part: dict[str, Any], good: object, odd: object
) -> None:
    schema = extraction_schema({"type": "object", "properties": {"a": part}})
    check_edit(EditRequest.model_validate({"pointer": "/a", "value": good}), schema, 1)
    check_edit(EditRequest.model_validate({"pointer": "/a", "value": None}), schema, 1)
    with pytest.raises(InvalidInput, match="/a takes"):
        check_edit(EditRequest.model_validate({"pointer": "/a", "value": odd}), schema, 1)


def test_reviews_should_be_those_of_the_tenant(office: Office) -> None:
    assert office.api.call("GET", REVIEWS, key=OTHER_KEY).json_body["items"] == []
    assert office.api.call("GET", office.one, key=OTHER_KEY).status_code == 404
    assert office.api.call("GET", office.one).json_body["review"]["decision"] == "open"
    none = office.api.call("POST", CLAIMS, {"collection": "other"}).json_body
    assert none["claim"] is None
    odd = office.api.call("PUT", office.one, {"claim_id": "rvc_" + "0" * 26, "decision": "reject"})
    assert "reason" in error_of(odd)["message"]

"""`/v1/extractors/{extractor}/calibration`: what reviews teach of how sure an extractor is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.contracts.extraction_reviews import ExtractionReview, FieldEdit
from chalicelib.contracts.extractions import FieldEvidence
from tests.unit.api.fakes import OTHER_KEY, error_of
from tests.unit.api.test_extractions import EXTRACTORS, Room
from tests.unit.functions.extract_fields.world import INVOICE, SCHEMA
from tests.unit.jobs.examples import NOW

ONE = f"{EXTRACTORS}/bills/calibration"


class Shop(Room):
    """A room whose extractor finds the total mostly wrong, and the number right in 3 of 5."""

    def __init__(self) -> None:
        super().__init__()
        self.world.calibrations = self.api.calibration_records
        self.api.call("POST", EXTRACTORS, {"name": "bills", "json_schema": SCHEMA})
        self.count = 0

    def review(self, documents: int) -> None:
        """Extract from further documents, and have each reviewed."""
        terms = self.api.extractors.library.terms("acme", "bills", None)
        for _ in range(documents):
            self.count += 1
            document = self.world.add(f"r{self.count}.pdf", INVOICE + "\nunsure")
            made = self.world.do(self.world.request(document, terms=terms))
            wrong = {"/total": self.count % 10, "/number": self.count % 5 < 2}
            edits = tuple(
                FieldEdit(pointer=pointer, after=None, reviewer="ann", at=NOW)
                for pointer, is_wrong in wrong.items()
                if is_wrong
            )
            kept, key = self.api.extraction_records.kept, ("acme", made.extraction_id)
            facts = kept[key].facts.model_copy(update={"status": "reviewed"})
            kept[key] = replace(kept[key], facts=facts, review=ExtractionReview(edits=edits))


def test_reviews_should_calibrate_the_next_extraction() -> None:
    shop = Shop()
    shop.review(15)
    few = shop.api.call("POST", ONE).json_body
    assert (few["taken"], few["documents"], few["held_out"]) == (False, 15, None)
    shop.review(85)
    first = shop.api.call("POST", ONE).json_body
    assert first["taken"], first["reason"]
    assert (first["documents"], first["rows"], first["calibration"]["version"]) == (100, 300, 1)
    assert shop.api.call("GET", ONE).json_body == first["calibration"]
    assert shop.api.call("GET", ONE, key=OTHER_KEY).status_code == 404

    shown = shop.extract(json_schema=None, extractor="bills").json_body
    number, _, due = shown["shown_fields"]
    assert shown["calibration"] == 1
    assert number["confidence"] == pytest.approx(0.6, abs=0.08)
    assert due["confidence"] == 0.97, "too few absent fields were wrong to learn from"
    inline = shop.extract().json_body
    assert (inline["calibration"], inline["shown_fields"][0]["confidence"]) == (0, 0.9)

    # What went through the first calibration teaches the second as what it was before.
    shop.review(100)
    second = shop.api.call("POST", ONE).json_body["calibration"]
    assert second["version"] == 2
    for name in ("slope", "shift"):
        before = first["calibration"]["maps"]["value"][name]
        assert second["maps"]["value"][name] == pytest.approx(before, abs=0.3)


def test_a_calibration_should_be_taken_back_and_be_of_an_extractor_that_there_is() -> None:
    shop = Shop()
    shop.review(100)
    assert shop.api.call("POST", ONE).json_body["taken"]
    assert shop.api.call("DELETE", ONE).status_code == 204
    assert error_of(shop.api.call("GET", ONE))["type"] == "NotFound"
    assert shop.extract(json_schema=None, extractor="bills").json_body["calibration"] == 0
    assert shop.api.call("DELETE", ONE).status_code == 404
    assert shop.api.call("POST", f"{EXTRACTORS}/none/calibration").status_code == 404
    assert shop.api.call("POST", ONE).json_body["calibration"]["version"] == 2
    assert shop.api.call("DELETE", f"{EXTRACTORS}/bills").status_code == 204
    assert shop.api.call("GET", ONE).status_code == 404, "it goes with its extractor"


class Supplier(Room):
    """A room whose extractor has two bills of a supplier with words of its own reviewed."""

    def __init__(self) -> None:
        super().__init__()
        self.world.calibrations = self.api.calibration_records
        self.api.call("POST", EXTRACTORS, {"name": "bills", "json_schema": SCHEMA})

    def bill(self, at: int) -> Any:
        """Extract from a bill by the extractor."""
        text = f"Belegkennung: A-1{at}\nZahlbetrag: {at}1.50\nWir danken!"
        one = self.world.add(f"b{at}.txt", text)
        return self.extract(
            json_schema=None, extractor="bills", document_ids=[one.document_id]
        ).json_body

    def review(self, at: int, spans: Mapping[str, tuple[int, int]]) -> None:
        """Approve a bill's values, of which the spans are told."""
        made = self.bill(at)
        raw = f"Belegkennung: A-1{at}\nZahlbetrag: {at}1.50"
        edits = tuple(
            FieldEdit(
                pointer=pointer,
                after=at * 10 + 1.5 if pointer == "/total" else raw[start:end],
                evidence=(FieldEvidence(page=1, start=start, end=end),),
                reviewer="ann",
                at=NOW,
            )
            for pointer, (start, end) in spans.items()
        )
        kept, key = self.api.extraction_records.kept, ("acme", made["extraction_id"])
        facts = kept[key].facts.model_copy(update={"status": "reviewed"})
        kept[key] = replace(kept[key], facts=facts, review=ExtractionReview(edits=edits))


RIGHT = {"/number": (14, 18), "/total": (31, 36)}


def test_labels_of_two_reviewed_documents_should_be_read_by_in_the_next() -> None:
    room = Supplier()
    room.review(1, RIGHT)
    alone = room.api.call("POST", ONE).json_body
    assert (alone["taken"], alone["labels"]["taken"]) == (False, False)
    assert "1 reviewed documents show" in alone["labels"]["reason"]
    assert room.bill(3)["values"] == {"number": None, "total": None, "due": None}

    room.review(2, RIGHT)
    attempt = room.api.call("POST", ONE).json_body
    learned = [
        {"field": "/number", "label": "Belegkennung", "documents": 2},
        {"field": "/total", "label": "Zahlbetrag", "documents": 2},
    ]
    assert (attempt["taken"], attempt["labels"]["labels"]) == (True, learned)
    assert "2 reviewed documents have 6 fields" in attempt["reason"], "too few to map confidences"
    held_out = attempt["labels"]["held_out"]
    assert (held_out["documents"], held_out["right_before"], held_out["right_after"]) == (2, 0, 4)
    shown = room.api.call("GET", ONE).json_body
    assert (shown["labels"], shown["held_out"], shown["maps"]) == (learned, None, {})

    after = room.bill(4)
    assert (after["calibration"], after["values"]) == (
        1,
        {"number": "A-14", "total": 41.5, "due": None},
    )
    inline = room.world.add("inline.txt", "Belegkennung: A-19")
    body = room.extract(document_ids=[inline.document_id]).json_body
    assert (body["calibration"], body["values"]["number"]) == (0, None)
    assert room.api.call("GET", ONE, key=OTHER_KEY).status_code == 404
    # What was read with labels is judged by reading it without any.
    again = room.api.call("POST", ONE).json_body
    assert (again["calibration"]["version"], again["labels"]["labels"]) == (2, learned)
    assert room.api.call("DELETE", ONE).status_code == 204
    assert room.bill(5)["values"]["number"] is None


def test_reviews_that_point_at_wrong_words_should_be_refused_as_no_better() -> None:
    room = Supplier()
    for at in range(1, 6):
        # The number's characters for the total, and a piece of a word for the number.
        room.review(at, {"/number": (at, at + 6), "/total": (14, 18)})
    attempt = room.api.call("POST", ONE).json_body
    assert {each["label"] for each in attempt["labels"]["labels"]} == {"Be", "Bel", "Bele", "Beleg"}
    assert (attempt["taken"], attempt["labels"]["taken"]) == (False, False)
    assert "not surely better than none: 0 values are right" in attempt["labels"]["reason"]
    assert room.bill(6)["calibration"] == 0

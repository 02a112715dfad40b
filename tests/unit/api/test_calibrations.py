"""`/v1/extractors/{extractor}/calibration`: what reviews teach of how sure an extractor is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.contracts.extraction_reviews import ExtractionReview, FieldEdit
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

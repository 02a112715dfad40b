"""Fields after the edits of a review."""

from __future__ import annotations

from datetime import UTC, datetime

from chalicelib.contracts.extraction_reviews import FieldEdit
from chalicelib.contracts.extractions import (
    CandidateValue,
    EvidenceBox,
    ExtractedField,
    FieldEvidence,
)
from chalicelib.labelling.field_edits import edited_fields

PLACE = FieldEvidence(page=1, start=5, end=11, boxes=(EvidenceBox(1, 2, 3, 4),))
NULL = ExtractedField(
    pointer="/total",
    confidence=0.4,
    candidates=(CandidateValue(value=41.5, raw="41,50 €", confidence=0.6, evidence=(PLACE,)),),
)


def edited(value: float | None, *places: FieldEvidence) -> ExtractedField:
    edit = FieldEdit(
        pointer="/total",
        after=value,
        evidence=places,
        reviewer="ann",
        at=datetime(2026, 12, 1, tzinfo=UTC),
    )
    (field,) = edited_fields([NULL], [edit])
    return field


def test_a_candidate_that_was_picked_should_bring_its_text() -> None:
    without_box = FieldEvidence(page=1, start=5, end=11)
    for place in (PLACE, without_box):
        field = edited(41.5, place)
        assert (field.value, field.raw, field.confidence) == (41.5, "41,50 €", 1.0)
        assert field.candidates == ()


def test_a_value_from_elsewhere_should_have_no_text_and_a_kept_null_no_candidates() -> None:
    elsewhere = edited(45.1, FieldEvidence(page=1, start=20, end=26))
    assert (elsewhere.raw, elsewhere.candidates) == ("", ())
    absent = edited(None)
    assert (absent.value, absent.raw, absent.evidence, absent.candidates) == (None, "", (), ())

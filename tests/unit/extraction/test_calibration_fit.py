"""Calibrations of an extractor: what reviews teach, and what they must not be taken to teach."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from chalicelib.contracts.calibrations import ConfidenceMap
from chalicelib.contracts.extractions import ExtractedField, ExtractedList, Extraction
from chalicelib.extraction.calibration_fit import ReviewedField, area_under_curve, fit_calibration
from chalicelib.extraction.recalibration import field_group, mapped, recalibrated, unmapped

TOO_SURE = ConfidenceMap(slope=0.5, shift=-0.5)


def reviewed(
    chance: Callable[[float], float], documents: int = 200, fields: int = 10, seed: int = 1
) -> list[ReviewedField]:
    """Return fields whose confidences are right as often as `chance` of them says."""
    rng = random.Random(seed)
    return [
        ReviewedField(
            document_id=f"doc_{n}",
            group="value",
            confidence=(confidence := round(rng.uniform(0.3, 0.99), 4)),
            correct=rng.random() < chance(confidence),
        )
        for n in range(documents)
        for _ in range(fields)
    ]


def test_confidences_that_are_too_high_should_be_mapped_to_what_they_are() -> None:
    fit = fit_calibration(reviewed(lambda confidence: mapped(confidence, TOO_SURE)))
    assert fit.refusal == ""
    held_out = fit.held_out
    assert held_out is not None
    assert held_out.brier_after < held_out.brier_before
    assert held_out.gain_low > 0
    assert 80 < held_out.documents < 120
    for confidence in (0.4, 0.7, 0.95):
        found = mapped(confidence, fit.maps["value"])
        assert found == pytest.approx(mapped(confidence, TOO_SURE), abs=0.06)
        assert unmapped(found, fit.maps["value"]) == pytest.approx(confidence)


@pytest.mark.parametrize(
    ("chance", "told"),
    [
        (lambda confidence: 0.5, "do not tell right fields from wrong"),
        (lambda confidence: 1.2 - confidence, "rising in confidence"),
        (lambda confidence: confidence, "not surely better"),
        (lambda confidence: 1.0, "0 wrong fields"),
    ],
)
def test_what_is_no_better_should_be_refused(chance: Callable[[float], float], told: str) -> None:
    fit = fit_calibration(reviewed(chance))
    assert told in fit.refusal
    assert fit.maps == {}


def test_few_reviews_should_teach_nothing() -> None:
    rows = reviewed(lambda confidence: mapped(confidence, TOO_SURE), documents=19)
    assert "19 reviewed documents" in fit_calibration(rows).refusal


def test_one_document_of_many_fields_should_count_as_one() -> None:
    """Its fields are wrong together, which says nothing of other documents."""
    rows = reviewed(lambda confidence: confidence, documents=60)
    rng = random.Random(2)
    long = [
        ReviewedField("doc_long", "value", round(rng.uniform(0.3, 0.99), 4), correct=False)
        for _ in range(600)
    ]
    assert "not surely better" in fit_calibration([*rows, *long]).refusal


def test_the_area_under_the_curve_should_count_ties_as_halves() -> None:
    assert area_under_curve([(0.9, True), (0.1, False)]) == 1
    assert area_under_curve([(0.5, True), (0.5, False)]) == 0.5
    assert area_under_curve([(0.9, True), (0.5, True), (0.5, False), (0.1, True)]) == 0.5


def test_mapped_confidences_should_raise_and_settle_doubts() -> None:
    fields = (
        ExtractedField(pointer="/total", value=41.5, confidence=0.4),
        ExtractedField(pointer="/due", confidence=0.7),
        ExtractedField(pointer="/lines/0/amount", value=1, confidence=0.9),
        ExtractedField(pointer="/net", value=7, confidence=0.9, method="model"),
    )
    doubt = "/total is 41.5 with a confidence of 0.40 only."
    rule = "The rule 'a == b' does not hold: 1 and 2."
    read = Extraction(status="needs_review", values={}, fields=fields, reasons=(rule, doubt))
    surer, lower = ConfidenceMap(shift=1.0), ConfidenceMap(shift=-2.0)
    after = recalibrated(read, {"value": surer, "absent": lower})
    assert list(map(field_group, fields)) == ["value", "absent", "cell", "model"]
    assert after.fields[0].confidence == round(1 / (1 + math.exp(-(math.log(0.4 / 0.6) + 1))), 4)
    assert after.fields[2].confidence == 0.9, "a group without a map stays"
    absent = "/due is absent with a confidence of 0.24 only."
    assert (after.status, after.reasons) == ("needs_review", (rule, absent))
    settled = recalibrated(
        read.model_copy(update={"reasons": (doubt,)}), {"value": surer, "absent": surer}
    )
    assert (settled.status, settled.reasons) == ("complete", ())
    doubted = recalibrated(read.model_copy(update={"reasons": ()}), {"model": lower})
    assert "/net is 7 with a confidence of 0.55 only." in doubted.reasons, "a model's needs 0.8"
    short = ExtractedList(pointer="/lines", rows=1, counted=2, complete=False)
    partial = recalibrated(read.model_copy(update={"lists": (short,)}), {"value": surer})
    assert partial.status == "partial"

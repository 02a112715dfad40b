"""A null that is not sure is shown with the values that it may have, which are no values of it."""

from __future__ import annotations

import pytest

from chalicelib.contracts.calibrations import ConfidenceMap
from chalicelib.contracts.extractions import Extraction
from chalicelib.extraction.document_values import CANDIDATE_MAP, SelectedSpan, SpanSelection
from chalicelib.extraction.recalibration import mapped, recalibrated
from tests.unit.extraction.readings import TEXT, reading

TOTAL = {"total": {"type": "number"}}
BOTH = {**TOTAL, "net": {"type": "number"}}


def shown(extraction: Extraction) -> list[list[tuple[object, float]]]:
    return [
        [(each.value, round(each.confidence, 3)) for each in field.candidates]
        for field in extraction.fields
    ]


def told(confidence: float) -> float:
    return round(mapped(confidence, CANDIDATE_MAP), 3)


def test_a_doubtful_null_should_be_shown_with_the_likeliest_values_and_their_places() -> None:
    found = reading(TOTAL, {"total": {"120.00": 0.4, "999.99": 0.3, "20.00": 0.05}}).extraction()
    assert found.values == {"total": None}
    assert shown(found) == [[(120, told(0.4)), (999.99, told(0.3))]], "the unlikely is not shown"
    assert told(0.3) < 0.3, "what was not chosen is right less often than what was"
    (surest,) = reading(TOTAL, {"total": {"120.00": 0.7}}).extraction().fields[0].candidates
    assert surest.confidence == 0.7, "and never oftener"
    first = found.fields[0].candidates[0]
    (place,) = first.evidence
    assert TEXT[place.start : place.end] == first.raw == "120.00"
    assert found.fields[0].evidence == ()


def test_at_most_three_values_should_be_shown_each_once() -> None:
    text = "Sum: 120.00\nDue: 120.00\nNet: 100.00\nTax: 20.00\nTip: 7.00\n"
    shares = {"120.00": 0.2, "100.00": 0.19, "20.00": 0.15, "7.00": 0.12}
    (values,) = shown(reading(TOTAL, {"total": shares}, text=text).extraction())
    assert [value for value, _ in values] == [120, 100, 20]


def test_a_value_and_a_sure_null_should_have_no_candidates() -> None:
    given = reading(BOTH, {"total": {"120.00": 0.95}, "net": {"120.00": 0.6, "100.00": 0.3}})
    extraction = given.extraction()
    total, net = shown(extraction)
    assert (extraction.values, total) == ({"total": 120, "net": None}, [])
    assert 120 not in [value for value, _ in net], "what is surely another field's is not shown"
    assert shown(reading(TOTAL, {}).extraction()) == [[]]


def test_a_field_that_a_model_chose_for_should_have_no_candidates() -> None:
    read = reading(BOTH, {"total": {"120.00": 0.5}, "net": {"120.00": 0.3, "100.00": 0.2}})
    before = read.extraction()
    (at,) = (
        number
        for number, each in enumerate(read.reader.unranked()[0].candidates)
        if each.text == "120.00"
    )
    after = read.extraction(SpanSelection({"/total": SelectedSpan(at, 0.9)}))
    assert [len(each) > 0 for each in shown(before)] == [True, True]
    assert after.values == {"total": 120, "net": None}
    assert shown(after)[0] == []
    assert 120 not in [value for value, _ in shown(after)[1]]


def test_maps_of_reviewed_values_should_be_those_of_candidates() -> None:
    found = reading(TOTAL, {"total": {"120.00": 0.5}}).extraction()
    lower = ConfidenceMap(shift=-1.0)
    (((_, after),),) = shown(recalibrated(found, {"value": lower}))
    assert after == pytest.approx(mapped(mapped(0.5, CANDIDATE_MAP), lower), abs=0.001)
    assert shown(recalibrated(found, {"absent": lower})) == shown(found)

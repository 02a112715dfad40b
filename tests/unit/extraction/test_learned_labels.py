"""Labels that reviewed values teach: what names a field, what does not, and how it is judged."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
from pydantic import JsonValue

from chalicelib.contracts.calibrations import LearnedLabel
from chalicelib.contracts.extractions import ExtractedField
from chalicelib.contracts.ingest import Page
from chalicelib.extraction.document import SourceDocument, Span, source_document
from chalicelib.extraction.label_judgement import (
    FieldCounts,
    field_counts,
    held_out_labels,
    label_refusal,
    other_labels,
)
from chalicelib.extraction.label_sightings import (
    DocumentSightings,
    ReviewedValue,
    label_key,
    label_sightings,
)
from chalicelib.extraction.learned_labels import learn_labels, new_labels, with_labels
from chalicelib.extraction.schema import extraction_schema
from tests.unit.extraction.pages import DrawnPage, drawn_document

SCHEMA = extraction_schema(
    {
        "type": "object",
        "properties": {
            "number": {"type": "string"},
            "total": {"type": "number"},
            "due": {"type": "string", "format": "date"},
            "buyer": {"type": "string"},
            "address": {"type": "string"},
            "lines": {
                "type": "array",
                "items": {"type": "object", "properties": {"amount": {"type": "number"}}},
            },
        },
    }
)
VALUES: Mapping[str, tuple[JsonValue, str]] = {
    "/number": ("A-17", "A-17"),
    "/total": (41.5, "41.50"),
    "/due": ("2025-03-14", "14 March 2025"),
    "/buyer": ("Voss Ltd", "Voss Ltd"),
    "/address": ("1 High Street", "1 High Street"),
}


def written(text: str) -> SourceDocument:
    return source_document([Page(page=1, text=text)], None)


def bill(at: int) -> SourceDocument:
    """Return a bill with odd labels, of which one value differs with its number."""
    return written(f"Belegkennung: A-1{at}\nZahlbetrag: {at}1.50\nPayable by: 14 March 202{at}")


def values_of(at: int, order: Sequence[str] = ("/number", "/total", "/due")) -> list[ReviewedValue]:
    """Return a bill's values, for the fields in an order: that of the bill, or of somebody lost."""
    texts: dict[str, JsonValue] = {
        f"A-1{at}": f"A-1{at}",
        f"{at}1.50": at * 10 + 1.5,
        f"14 March 202{at}": f"202{at}-03-14",
    }
    text = bill(at).pages[0].text
    return [
        ReviewedValue(field, value, (Span(1, text.index(raw), text.index(raw) + len(raw)),))
        for field, (raw, value) in zip(order, texts.items(), strict=True)
    ]


def taught(count: int) -> list[DocumentSightings]:
    return [label_sightings(f"doc_{at}", bill(at), SCHEMA, values_of(at)) for at in range(count)]


def told(labels: Sequence[LearnedLabel]) -> list[tuple[str, str, int]]:
    return [(each.field, each.label, each.documents) for each in labels]


def named(document: SourceDocument, *pointers: str) -> DocumentSightings:
    """Return what values teach that stand in a document as `VALUES` has them."""
    text = document.pages[0].text
    values = [
        ReviewedValue(each, value, (Span(1, text.index(raw), text.index(raw) + len(raw)),))
        for each in pointers
        for value, raw in [VALUES[each]]
    ]
    return label_sightings("doc", document, SCHEMA, values)


def test_labels_near_values_should_name_their_fields_from_the_first_document_on() -> None:
    assert {each.documents for each in learn_labels(taught(1))} == {1}
    assert learn_labels(taught(1), near=-1) == ()
    below = written("A-17\nBelegkennung")
    assert learn_labels([named(below, "/number")]) == (), "what stands below takes two"
    assert told(learn_labels([named(below, "/number")] * 2)) == [("/number", "Belegkennung", 2)]
    learned = learn_labels(taught(3))
    assert told(learned) == [
        ("/due", "Payable by", 3),
        ("/number", "Belegkennung", 3),
        ("/total", "Zahlbetrag", 3),
    ]
    schema = with_labels(SCHEMA, learned)
    assert schema.leaves[0].names == ("number", "Belegkennung")
    assert schema.sha256 == SCHEMA.sha256
    assert new_labels(schema, learned) == []
    assert len(new_labels(SCHEMA, learned)) == 3
    gone = LearnedLabel(field="/gone", label="Weg", documents=2)
    assert new_labels(SCHEMA, [gone]) == []


def test_labels_above_values_and_titles_of_columns_should_be_seen_where_words_have_boxes() -> None:
    page = DrawnPage()
    page.row(40, ("Belegkennung", "Payable by"), (40, 250))
    page.row(52, ("A-17", "14 March 2025"), (40, 250))
    page.row(200, ("Position", "Preis"), (40, -400))
    for at, (name, amount) in enumerate((("Pipe", "4.00"), ("Screw", "7.50"), ("Nut", "30.00"))):
        page.row(212 + 12 * at, (name, amount), (40, -400))
    page.row(260, ("Zahlbetrag", "41.50"), (40, -400))
    document = drawn_document([page])
    text = document.pages[0].text
    at = text.index("7.50")
    cell = ReviewedValue("/lines/1/amount", 7.5, (Span(1, at, at + 4),))
    single = named(document, "/number", "/due", "/total")
    cells = label_sightings("doc", document, SCHEMA, [cell])
    both = DocumentSightings("doc", (*single.labels, *cells.labels), single.values)
    assert told(learn_labels([both, both])) == [
        ("/due", "Payable by", 2),
        ("/lines/amount", "Preis", 2),
        ("/number", "Belegkennung", 2),
        ("/total", "Zahlbetrag", 2),
    ]


@pytest.mark.parametrize(
    "value",
    [
        ReviewedValue("/number", None, (Span(1, 14, 18),)),
        ReviewedValue("/number", "A-10", ()),
        ReviewedValue("/number", "B-99", (Span(1, 14, 18),)),
        ReviewedValue("/number", "A-10", (Span(1, 0, 12),)),
        ReviewedValue("/number", "A-10", (Span(7, 14, 18),)),
        ReviewedValue("/number", "A-10", (Span(1, 900, 905),)),
        ReviewedValue("/other", "A-10", (Span(1, 14, 18),)),
        ReviewedValue("/total", True, (Span(1, 14, 18),)),
    ],
)
def test_a_value_that_does_not_stand_where_it_is_said_should_teach_nothing(
    value: ReviewedValue,
) -> None:
    assert label_sightings("doc", bill(0), SCHEMA, [value]).labels == ()
    right = ReviewedValue("/number", "A-10", (Span(1, 14, 18),))
    assert label_sightings("doc", bill(0), SCHEMA, [right]).labels


def test_what_is_a_value_or_comes_with_one_value_should_be_no_label() -> None:
    both = named(written("Voss Ltd\n1 High Street"), "/buyer", "/address")
    assert learn_labels([both, both]) == ()
    # Where the name is asked for by no field, it comes with this address and no other.
    alone = named(written("Voss Ltd\n1 High Street"), "/address")
    assert told(learn_labels([alone, alone])) == [("/address", "Voss Ltd", 2)]
    text = "Kaya GmbH\n2 Low Road"
    other = ReviewedValue("/address", "2 Low Road", (Span(1, 10, 20),))
    second = label_sightings("other", written(text), SCHEMA, [other])
    assert learn_labels([alone, alone, second]) == ()


def test_a_label_of_two_fields_should_name_the_nearer_or_neither() -> None:
    crossed = written("Nr.: A-17\n\nNr.: 41.50")
    assert learn_labels([named(crossed, "/number", "/total")] * 3) == ()
    stacked = DrawnPage()
    stacked.row(40, ("Zahlbetrag", "41.50"), (40, 120))
    stacked.row(52, ("A-17", "paid"), (40, 120))
    seen = named(drawn_document([stacked]), "/number", "/total")
    assert {each.field for each in seen.labels if each.label == "Zahlbetrag"} == {
        "/number",
        "/total",
    }
    assert ("/total", "Zahlbetrag", 2) in told(learn_labels([seen] * 2))
    # Of two suppliers with one label for two fields, neither has it.
    one, other = named(written("Nr.: A-17"), "/number"), named(written("Nr.: 41.50"), "/total")
    assert learn_labels([one] * 3 + [other] * 3) == ()
    assert told(learn_labels([one] * 9 + [other])) == [("/number", "Nr.", 9)]


def test_reviews_at_random_should_teach_nothing() -> None:
    """Fields exchanged anew in each document have no label of their own."""
    rng = random.Random(3)
    fields = ["/number", "/buyer", "/address"]
    seen = []
    for at in range(10):
        text = f"Belegkennung: A-1{at}\nKunde: Voss {at}\nOrt: Bonn {at}"
        rng.shuffle(fields)
        values = [
            ReviewedValue(field, raw, (Span(1, text.index(raw), text.index(raw) + len(raw)),))
            for field, raw in zip(fields, (f"A-1{at}", f"Voss {at}", f"Bonn {at}"), strict=True)
        ]
        seen.append(label_sightings(f"doc_{at}", written(text), SCHEMA, values))
    assert all(each.labels for each in seen)
    assert learn_labels(seen) == ()


def test_keys_should_be_words_without_case_accents_and_signs() -> None:
    assert label_key("Réf. N°:  Facture_") == "ref n facture"
    assert label_key("…") == ""


def test_documents_should_be_read_with_the_labels_of_others() -> None:
    assert [len(each) for each in other_labels(taught(1)).values()] == [0]
    assert [len(each) for each in other_labels(taught(2)).values()] == [3, 3]
    three = other_labels(taught(3))
    assert {label.documents for each in three.values() for label in each} == {2}
    eight = other_labels(taught(8))
    assert list(eight) == list(other_labels(taught(8)[::-1])), "the order is that of a hash"
    assert {label.documents for each in eight.values() for label in each} == {6}


def test_fields_should_count_as_right_wrong_or_neither_and_columns_once() -> None:
    reviewed: dict[str, JsonValue] = {
        "/number": "A-17",
        "/total": 41.5,
        "/due": None,
        "/buyer": "Voss Ltd",
        **{f"/lines/{row}/amount": row for row in range(3)},
    }
    found: dict[str, JsonValue] = {
        "/number": "a 17",
        "/total": 7,
        "/due": "2025-03-14",
        "/buyer": None,
        "/lines/0/amount": 0,
        "/lines/1/amount": 1,
        "/lines/2/amount": 5,
        "/lines/3/amount": 6,
    }
    read = [ExtractedField(pointer=at, value=each, confidence=1) for at, each in found.items()]
    assert field_counts(reviewed, read, SCHEMA) == FieldCounts(
        fields=5, right=2, wrong=2, kept=1, changed=2
    )


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ([3, 4], ""),
        ([3], "1 documents could be read anew"),
        ([], "0 documents could be read anew"),
        ([0, 0, 0], "not surely better"),
        ([1, -1], "not surely better"),
        ([-2, -1, -3], "not surely better"),
        ([4, -3, 1, -2, 2, -1], "not surely better"),
        ([1, 0, 2, 0, 1, 3, 0, 1], ""),
    ],
)
def test_labels_should_be_used_only_if_other_documents_surely_gain(
    gains: Sequence[int], told: str
) -> None:
    judged = [
        (FieldCounts(10, 5, 1), FieldCounts(10, 5 + max(0, gain), 1 + max(0, -gain)))
        for gain in gains
    ]
    refusal = label_refusal(held_out_labels(judged))
    assert (told in refusal) if told else not refusal


@pytest.mark.parametrize(("right", "is_used"), [(2, False), (3, True)])
def test_labels_should_add_several_right_values_for_each_wrong_one(
    right: int, is_used: bool
) -> None:
    judged = [(FieldCounts(10, 5, 1), FieldCounts(10, 5 + right, 2))] * 4
    assert (not label_refusal(held_out_labels(judged))) is is_used


@pytest.mark.parametrize(
    ("kept", "changed", "is_used"), [(0, 1, True), (0, 3, False), (3, 3, True), (3, 4, False)]
)
def test_reviews_that_change_most_of_what_was_sure_should_teach_nothing(
    kept: int, changed: int, is_used: bool
) -> None:
    before = FieldCounts(10, 5, 1, kept, changed)
    judged = [(before, FieldCounts(10, 9, 1)), (FieldCounts(10, 5, 1), FieldCounts(10, 9, 1))]
    refusal = label_refusal(held_out_labels(judged))
    assert (refusal == "") is is_used
    if not is_used:
        assert f"change {changed} of {kept + changed} values" in refusal

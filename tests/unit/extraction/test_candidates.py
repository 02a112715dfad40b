"""Candidates are whole values: no part of a code or date, and no half of a cell."""

from __future__ import annotations

import pytest

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.extraction.candidates import find_candidates
from chalicelib.extraction.document import source_document
from chalicelib.extraction.field_candidates import MAX_CANDIDATES, FieldCandidate
from chalicelib.extraction.layout.document_layout import read_layout
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.text_parts import cell_parts, label_rests, last_part
from chalicelib.extraction.values.reading_hints import ReadingHints

TOTAL = Leaf(("total",), "/total", LeafKind.NUMBER, "number", names=("total",))
NAME = Leaf(("name",), "/name", LeafKind.TEXT, "string", names=("name",))
HINTS = ReadingHints("en", decimal_mark=".")


def found(leaf: Leaf, text: str, words: PageWords | None = None) -> list[FieldCandidate]:
    """Return the candidates of a field on one page."""
    document = source_document([Page(page=1, text=text)], [words] if words else None)
    return find_candidates(document, [read_layout(document)], [leaf], HINTS)[0]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Total: 41.50", ["41.50"]),
        ("Due on 16 April 2025", []),
        ("Order PO-1184, item 12/7", []),
        ("VAT GB980780684 and GB33 BUKB 2020 1555 5555 55", []),
        ("12 kg, 4h and 7pieces", ["12", "4"]),
        ("Total: EUR 41.50 on 2025-04-16", ["EUR 41.50"]),
    ],
)
def test_a_number_within_a_date_or_a_code_should_be_no_candidate(
    text: str, numbers: list[str]
) -> None:
    assert [each.text for each in found(TOTAL, text)] == numbers


def test_what_follows_a_name_in_a_cell_without_a_colon_should_be_a_candidate() -> None:
    leaf = Leaf(("postcode",), "/postcode", LeafKind.TEXT, "string", names=("postal code",))
    texts = [each.text for each in found(leaf, "Postal code SY8M 8HT")]
    assert "SY8M 8HT" in texts
    assert [each.text for each in found(NAME, "Postal code SY8M 8HT")] == ["Postal code SY8M 8HT"]


def test_words_of_one_cell_of_the_text_should_be_one_candidate_however_far_apart() -> None:
    text = "| Seller | Voss Hydro | Weir 4 |\n| - | - | - |\n| Buyer | Alder Mill | Tarn 1 |"
    places = {"Seller": 40, "Voss": 200, "Hydro": 290, "Weir": 420, "4": 450}
    places |= {"Buyer": 40, "Alder": 200, "Mill": 290, "Tarn": 420, "1": 450}
    boxes = tuple(
        WordBox(text.index(word), text.index(word) + len(word), left, top, left + 25, top + 10)
        for word, left in places.items()
        for top in [40.0 if text.index(word) < text.index("\n") else 70.0]
    )
    words = PageWords(page=1, width=600, height=800, words=tuple(sorted(boxes)))
    texts = [each.text for each in found(NAME, text, words)]
    assert {"Voss Hydro", "Alder Mill"} <= set(texts)
    assert not {"Voss", "Hydro", "Mill"} & set(texts)


def test_of_many_candidates_those_with_the_likeliest_labels_should_be_kept() -> None:
    lines = [f"Line {number}: {number}.00" for number in range(3 * MAX_CANDIDATES)]
    kept = found(TOTAL, "\n".join([*lines, "Total: 99999.00"]))
    assert len(kept) == MAX_CANDIDATES
    assert kept[-1].text == "99999.00"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Order no. = Y-6718", "Y-6718"),
        ("Deposit - - - - - - 1,772.24", "1,772.24"),
        ("City Oslo; Tariff A0; Room 4", "City Oslo"),
        ("Voss, 1 High Street, 1234 Oslo", "1 High Street, 1234 Oslo"),
        ("Voss, 1 High Street, 1234 Oslo", "Voss"),
        ("BIC: AGLG | Mail: a@b.eu", "AGLG"),
        ("Code K94 (Client)", "Code K94"),
    ],
)
def test_signs_in_a_line_part_what_may_be_a_value(text: str, part: str) -> None:
    assert part in [text[start:end] for start, end in cell_parts(text)]


def test_words_at_both_ends_of_a_part_may_be_a_label() -> None:
    text = "City Oslo; 4711 Order number"
    found = [text[start:end] for start, end in label_rests(text)]
    assert "Oslo" in found
    assert "4711" in found
    assert list(label_rests("City: Oslo")) == []
    assert last_part("Notice period: six") == (15, 18)
    assert last_part("Notice period six") is None

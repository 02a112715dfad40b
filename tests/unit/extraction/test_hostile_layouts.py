"""Pages that are made to cost much, or that have nothing where something is expected."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from chalicelib.contracts.extractions import Extraction
from chalicelib.contracts.ingest import Page
from chalicelib.extraction.document import source_document
from chalicelib.extraction.extractor import FieldExtractor
from chalicelib.extraction.layout.item_regions import MAX_ITEMS, MAX_LINES, item_regions
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.sentence_spans import sentence_spans
from tests.unit.extraction.pages import written_layout

ITEMS: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "price": {"type": "number"}},
}
TEXTS: dict[str, JsonValue] = {"type": "string"}
FIRST_OF_A_CIRCLE = (
    "| ... |\nName:  a, b and c\n\t\n|\n\u2022\nName:\n||\tA\tName:\t\u2022\n"
    "| Things: | \u2022 | Total |\na, b and c"
)
SECOND_OF_A_CIRCLE = (
    "- a\t1. b\t-\t1. b\n1. b \u200f 1. b 12\n1. b 1. b\n"
    "a, b and c\tWord word word word word.\t-\t+5\n\n1. b A - 1. b\nends on\t20.00\t-\tName:\n"
    "-\t-\t-\t\u201cx\u201d\n\u0661\u0662  2024-01-02  Miller Ltd\n-\t-\n1. b"
)
A_HUGE_TOTAL = (
    "Apples  10.00\nPears  20.00\nMelons  5.00\nVAT 19%  6.65\n"
    "Total  999999999999999999999999999.99"
)
NO_ROW_ABOVE_THE_SUM = (
    "Price:\t; ; ;\n20.00 ; ; ;\n\n2024-01-02\n20.00 ; ; ;\n| - |\n\n"
    "3.5 kg\tMiller Ltd\n; ; ;  page 1"
)
HUGE_NUMBERS = "| name | price |\n| - | - |\n" + f"| {'9' * 5000} | 1.00 |\n" * 4
PIECES = st.sampled_from(
    [
        *("Name:", "20.00", "- a", "1. b", "a, b and c", "Total", "\t", "\n", "\n\n", "| x | y |"),
        *("; ;", "2024-01-02", "  ", "\u2022", "Word word word word word.", "\u0661\u0662", "-"),
    ]
)


def read(of: dict[str, JsonValue], *texts: str) -> Extraction:
    """Return what is read of an array from pages without geometry."""
    schema = extraction_schema(
        {"type": "object", "properties": {"things": {"type": "array", "items": of}}}
    )
    pages = [Page(page=at, text=text) for at, text in enumerate(texts, 1)]
    return FieldExtractor.open(None).extract(schema, source_document(pages, None, language="en"))


@pytest.mark.parametrize(
    "texts",
    [
        (FIRST_OF_A_CIRCLE, SECOND_OF_A_CIRCLE),
        (A_HUGE_TOTAL,),
        (NO_ROW_ABOVE_THE_SUM,),
        (HUGE_NUMBERS,),
    ],
    ids=["columns in a circle", "a huge total", "no row", "huge numbers"],
)
def test_a_strange_page_should_be_read_as_far_as_it_can(texts: tuple[str, ...]) -> None:
    assert read(ITEMS, *texts).status in ("partial", "complete", "needs_review")


@given(pieces=st.lists(PIECES, max_size=40), of=st.sampled_from([ITEMS, TEXTS]))
@settings(max_examples=150, deadline=None)
def test_any_page_should_be_read_and_its_rows_counted(
    pieces: list[str], of: dict[str, JsonValue]
) -> None:
    found = read(of, "".join(pieces))
    (told,) = found.lists
    things = found.values["things"]
    assert isinstance(things, list)
    assert told.rows == len(things)


def test_lines_without_end_should_be_looked_at_up_to_a_bound() -> None:
    layout = written_layout("\n".join(f"Word line {at}" for at in range(3_000)))
    lines = sum(len(each.lines) for each in item_regions(layout.page_lines(1)))
    assert MAX_LINES < lines <= MAX_LINES + MAX_ITEMS


def test_a_list_of_more_items_than_are_read_should_be_incomplete() -> None:
    items = "\n".join(f"- thing {at}" for at in range(MAX_ITEMS + 5))
    found = read(TEXTS, f"Things:\n{items}")
    (told,) = found.lists
    assert (found.status, told.rows, told.complete) == ("partial", MAX_ITEMS, False)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Les documents divers. études et plans de Anna Schmidt à Lyon sont joints", 1),
        ("Les documents divers. Études et plans de Anna Schmidt à Lyon sont joints", 2),
    ],
)
def test_a_small_letter_should_begin_no_sentence(text: str, sentences: int) -> None:
    layout = written_layout(text)
    spans = sentence_spans(layout.document, layout.blocks(1))
    labels = [label.text for each in spans for label in each.labels]
    assert any("divers" in label for label in labels) == (sentences == 1)

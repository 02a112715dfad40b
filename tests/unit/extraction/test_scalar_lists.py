"""Arrays of single values: below each other, with marks, behind each other, and in a column."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from chalicelib.contracts.ingest import Page
from chalicelib.extraction.document import SourceDocument, source_document
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.read_fields import ReadList
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.value_tree import json_tree, value_tree
from tests.unit.extraction.pages import DrawnPage, drawn_document

TEXTS: JsonValue = {"type": "string"}
DATES: JsonValue = {"type": "string", "format": "date"}
EMAILS: JsonValue = {"type": "string", "format": "email"}


def read(
    document: SourceDocument, name: str, items: JsonValue, **demands: JsonValue
) -> tuple[JsonValue, ReadList]:
    """Return an array of a document, as values and as it was read."""
    of: JsonValue = {"type": "array", "items": items, **demands}
    schema = extraction_schema({"type": "object", "properties": {name: of}})
    (found,) = DocumentReader(schema, document, LabelComparison()).read_lists()
    tree = json_tree(value_tree([], [found]))
    assert isinstance(tree, dict)
    return tree[name], found


def written(*texts: str, language: str = "en") -> SourceDocument:
    """Return a document of pages without boxes."""
    pages = [Page(page=number, text=text) for number, text in enumerate(texts, 1)]
    return source_document(pages, None, language=language)


@pytest.mark.parametrize(
    ("text", "name", "items", "values"),
    [
        (
            "Note 4\n\nSerial numbers:\n- SN-118\n- SN-204\n- SN-377\n\nBest regards",
            "serial_numbers",
            TEXTS,
            ["SN-118", "SN-204", "SN-377"],
        ),
        (
            "Attendees\n1. Ann Lee, chair of\nthe board\n2. Bob Ray\n\nPlace: Leeds",
            "attendees",
            TEXTS,
            ["Ann Lee, chair of the board", "Bob Ray"],
        ),
        ("Keywords: water, weir (small, old) and mill\n", "keywords", TEXTS, None),
        ("Tags: hydro; voss, leeds; mill", "tags", TEXTS, ["hydro", "voss, leeds", "mill"]),
        (
            "Delivery dates: March 3, 2025, April 4, 2025 and May 5, 2025",
            "delivery_dates",
            DATES,
            ["2025-03-03", "2025-04-04", "2025-05-05"],
        ),
        ("Recipients: ann@voss.com", "recipients", EMAILS, ["ann@voss.com"]),
        ("Tags: hydro | voss |\nleeds\n| old mill", "tags", TEXTS, None),
        ("Amounts: 1.50; 2,000.25; 3", "amounts", {"type": "number"}, [1.5, 2000.25, 3]),
    ],
)
def test_values_below_or_behind_a_label_should_be_the_elements_in_their_order(
    text: str, name: str, items: JsonValue, values: list[JsonValue] | None
) -> None:
    found, as_read = read(written(text), name, items)
    others = ["hydro", "voss", "leeds", "old mill"]
    assert found == (values or (others if "|" in text else ["water", "weir (small, old)", "mill"]))
    assert as_read.reading.complete
    assert [each.raw for each in as_read.fields] == [
        text[span.start : span.end] if len(each.spans) == 1 else each.raw
        for each in as_read.fields
        for span in each.spans[:1]
    ]


def test_values_below_each_other_beside_their_label_should_be_elements() -> None:
    page = DrawnPage()
    page.put(40, 40, "Order")
    page.put(200, 40, "PO-1184")
    for n, text in enumerate(("SN-118", "SN-204", "SN-377")):
        if n == 0:
            page.put(40, 60, "Serial numbers")
        page.put(200, 60 + 10 * n, text)
    page.put(40, 90, "Place")
    page.put(200, 90, "Leeds")
    values, found = read(drawn_document([page]), "serial_numbers", TEXTS)
    assert values == ["SN-118", "SN-204", "SN-377"]
    assert found.reading.complete


def test_an_element_of_another_kind_should_be_refused_and_counted() -> None:
    values, found = read(
        written("Delivery dates:\n- 2025-03-03\n- to be agreed\n- 2025-05-05"),
        "delivery_dates",
        DATES,
    )
    assert values == ["2025-03-03", "2025-05-05"]
    assert (found.reading.counted, found.reading.complete) == (3, False)
    assert "another kind" in found.reading.differences[0].reason


def test_a_marked_list_should_go_on_over_pages_and_another_one_should_be_doubted() -> None:
    marked = written("Serial numbers:\n- SN-1\n- SN-2", "- SN-3\n\nBest regards")
    values, found = read(marked, "serial_numbers", TEXTS)
    assert values == ["SN-1", "SN-2", "SN-3"]
    assert found.reading.complete
    bare = written("Serial numbers:\nSN-1\nSN-2", "SN-3\n\nBest regards")
    values, found = read(bare, "serial_numbers", TEXTS)
    assert values == ["SN-1", "SN-2"]
    assert not found.reading.complete


@pytest.mark.parametrize(
    ("demands", "reason"),
    [
        ({"minItems": 4}, "at least 4 rows"),
        ({"maxItems": 2}, "at most 2 rows"),
        ({"uniqueItems": True}, "Rows 0 and 2 are equal"),
    ],
)
def test_what_the_schema_demands_of_an_array_should_be_checked(
    demands: dict[str, JsonValue], reason: str
) -> None:
    _, found = read(written("Tags: a1, b2, a1"), "tags", TEXTS, **demands)
    assert [reason in each.reason for each in found.reading.differences] == [True]


@pytest.mark.parametrize("text", ["Nothing of it is here.", "Serial numbers:\n\nBest regards"])
def test_an_array_that_is_not_there_should_be_empty_and_not_complete(text: str) -> None:
    values, found = read(written(text), "serial_numbers", TEXTS)
    assert values == []
    assert not found.reading.complete


def test_a_column_of_a_table_should_be_an_array() -> None:
    table = "| Item | Serial number |\n| - | - |\n| Pump | SN-1 |\n| Weir | SN-2 |\n| Mill | SN-3 |"
    values, _ = read(written(table), "serial_numbers", TEXTS)
    assert values == ["SN-1", "SN-2", "SN-3"]

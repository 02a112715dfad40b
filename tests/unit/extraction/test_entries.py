"""Entries of labelled lines are the rows of a list, whatever labels each of them lacks."""

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

COLUMNS: dict[str, JsonValue] = {
    "name": {"type": "string"},
    "start": {"type": "string", "format": "date"},
    "salary": {"type": "number"},
}
ROWS = (
    {"name": "Ann Lee", "start": "2021-03-04", "salary": 4200},
    {"name": "Bob Ray", "start": None, "salary": 3100},
    {"name": "Eve Fox", "start": "2024-01-15", "salary": 5000},
)
LABELS = {"name": "Name", "start": "Start", "salary": "Salary"}


def read(document: SourceDocument) -> tuple[JsonValue, ReadList]:
    """Return the list of people of a document, as values and as it was read."""
    row: JsonValue = {"type": "object", "properties": COLUMNS}
    schema = extraction_schema(
        {"type": "object", "properties": {"people": {"type": "array", "items": row}}}
    )
    (found,) = DocumentReader(schema, document, LabelComparison()).read_lists()
    tree = json_tree(value_tree([], [found]))
    assert isinstance(tree, dict)
    return tree["people"], found


def entries(between: str = "\n\n", *, colon: str = ":") -> str:
    """Return the rows as entries, each of whose lines has a label and a value."""
    blocks = (
        "\n".join(f"{LABELS[key]}{colon} {each}" for key, each in row.items() if each is not None)
        for row in ROWS
    )
    return between.join(blocks)


def written(*texts: str) -> SourceDocument:
    """Return a document of pages without boxes."""
    pages = [Page(page=number, text=text) for number, text in enumerate(texts, 1)]
    return source_document(pages, None, language="en")


@pytest.mark.parametrize("between", ["\n\n", "\n", "\n\nEmployee\n"])
def test_entries_of_labelled_lines_should_be_complete_rows(between: str) -> None:
    values, found = read(written(f"Staff of Voss Hydro\n\n{entries(between)}\n\nBest regards"))
    assert values == list(ROWS)
    assert found.reading.complete
    assert [each.raw for each in found.fields[:3]] == ["Ann Lee", "2021-03-04", "4200"]


def test_entries_should_go_on_over_the_end_of_a_page() -> None:
    text = entries()
    cut = text.index("Salary: 3100")
    values, found = read(written(text[:cut].rstrip(), text[cut:]))
    assert values == list(ROWS)
    assert found.reading.complete


def test_labels_and_values_in_columns_should_be_entries_without_the_facts_around_them() -> None:
    page = DrawnPage()
    page.put(40, 40, "Start")
    page.put(200, 40, "2020-01-01")
    top = 80.0
    for row in ROWS:
        for key, value in row.items():
            if value is not None:
                page.put(40, top, LABELS[key])
                page.put(200, top, str(value))
                top += 11
        top += 14
    values, found = read(drawn_document([page]))
    assert values == list(ROWS)
    assert found.reading.counted == len(ROWS)


def test_an_entry_whose_label_stands_in_the_text_alone_should_make_the_list_incomplete() -> None:
    text = f"{entries()}\n\nName: to be named. It is not known yet. Salary: open"
    _, found = read(written(f"{text}\n\nName"))
    assert found.reading.counted >= len(ROWS)
    lost = written(entries().replace("Name: Bob Ray\n", ""))
    values, found = read(lost)
    assert isinstance(values, list)
    assert len(values) == len(ROWS)
    assert not found.reading.complete


def test_a_single_entry_should_be_no_list() -> None:
    values, found = read(written("Name: Ann Lee\nStart: 2021-03-04\nSalary: 4200"))
    assert values == []
    assert not found.reading.complete

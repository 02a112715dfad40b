"""Tables of extractions: a row a leaf, or a row an item."""

from __future__ import annotations

import csv
import io

from pydantic import JsonValue

from chalicelib.contracts.extractions import ExtractedField, FieldEvidence
from chalicelib.extraction.exports import fields_csv, flat_rows, rows_csv


def rows(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode())))


def test_a_row_should_be_an_item_with_the_values_outside_its_list() -> None:
    values: dict[str, JsonValue] = {
        "number": "A-17",
        "seller": {"name": "Voss", "active": True},
        "lines": [{"text": "blade", "sum": 40.5}, {"text": "oil", "sum": 1}],
    }
    assert rows(rows_csv(values)) == [
        {
            "number": "A-17",
            "seller.name": "Voss",
            "seller.active": "true",
            "lines.text": text,
            "lines.sum": amount,
        }
        for text, amount in (("blade", "40.5"), ("oil", "1"))
    ]
    assert list(flat_rows({"number": None, "lines": []})) == [{"number": None}]
    assert list(flat_rows({"paid": True})) == [{"paid": True}]
    assert rows_csv({"paid": True}).split() == [b"paid", b"true"]
    two: dict[str, JsonValue] = {"a": [{"x": 1}], "b": ["y"]}
    assert list(flat_rows(two)) == [{"list": "a", "a.x": 1}, {"list": "b", "b": "y"}]


def test_a_column_should_not_take_the_place_of_another_with_its_name() -> None:
    values: dict[str, JsonValue] = {
        "list": "price",
        "a.b": 1,
        "a": {"b": 2},
        "lines": [{"sum": 3, "tags": [{"name": None}]}],
        "more": [4],
    }
    outside = {"list": "price", "a.b": 1, "a.b_": 2}
    assert list(flat_rows(values)) == [
        {"list_": "lines", **outside, "lines.sum": 3, "lines.tags": '[{"name": null}]'},
        {"list_": "more", **outside, "more": 4},
    ]


def test_a_text_that_a_spreadsheet_would_run_should_stay_a_text() -> None:
    assert rows(rows_csv({"name": '=HYPERLINK("http://x")', "sum": -5}))[0] == {
        "name": '\'=HYPERLINK("http://x")',
        "sum": "-5",
    }
    place = FieldEvidence(page=2, start=3, end=9)
    field = ExtractedField(pointer="/a", value="@x", raw="@x", confidence=0.5, evidence=(place,))
    (row,) = rows(fields_csv([field]))
    assert (row["value"], row["raw"], row["page"], row["start"]) == ("'@x", "'@x", "2", "3")

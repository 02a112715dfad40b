"""Lists that are no tables, such as a receipt's: rows of lines that add up to a total."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.read_fields import ReadList
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.value_tree import json_tree, value_tree
from tests.unit.extraction.pages import DrawnPage, drawn_document

NUMBER: JsonValue = {"type": "number"}
FIELDS: dict[str, JsonValue] = {
    "description": {"type": "string"},
    "quantity": NUMBER,
    "unit_price": NUMBER,
    "line_total": NUMBER,
}
ITEMS = (
    (["Copper pipe 22 mm"], "3 x", "2.50", "7.50"),
    (["Replacement filter for", "ventilation, 1 kg"], "2 x", "14.95", "29.90"),
    (["Travel expenses"], "11 x", "4.10", "45.10"),
)


def read(page: DrawnPage, *names: str) -> tuple[list[JsonValue], ReadList]:
    """Return the rows of a list with some columns, as values and as they were read."""
    properties = {name: FIELDS[name] for name in names or FIELDS}
    rows: JsonValue = {"type": "array", "items": {"type": "object", "properties": properties}}
    schema = extraction_schema({"type": "object", "properties": {"items": rows}})
    (found,) = DocumentReader(schema, drawn_document([page]), LabelComparison()).read_lists()
    tree = json_tree(value_tree([], [found]))
    assert isinstance(tree, dict)
    values = tree["items"]
    assert isinstance(values, list)
    return values, found


def receipt(*sums: tuple[str, str], below: bool = True) -> tuple[DrawnPage, float]:
    """Return a receipt with items in two lines each, or in one, and labelled sums."""
    page = DrawnPage()
    page.put(40, 30, "Voss Hydro")
    page.put(40, 40, "Receipt 1184")
    top = 70.0
    for texts, count, price, amount in ITEMS:
        if below:
            for text in texts:
                page.put(40, top, text)
                top += 10
            page.put(50, top, f"{count} {price}")
            page.put(300, top, amount, right=True)
            top += 10
            continue
        for n, text in enumerate(texts):
            page.put(40, top, f"{count.rstrip(' x')} {text}" if n == 0 else text)
            if n == 0:
                page.put(300, top, amount, right=True)
            top += 10
    top += 12
    for label, amount in sums:
        page.put(40, top, label)
        page.put(300, top, amount, right=True)
        top += 10
    return page, top


def test_items_of_several_lines_that_add_up_to_the_total_should_be_complete_rows() -> None:
    values, found = read(receipt(("Total", "82.50"), ("Cash", "100.00"), ("Change", "17.50"))[0])
    assert values == [
        {
            "description": " ".join(texts),
            "quantity": int(count.rstrip(" x")),
            "unit_price": float(price),
            "line_total": float(amount),
        }
        for texts, count, price, amount in ITEMS
    ]
    assert found.reading.complete
    assert found.reading.summed


def test_items_of_one_line_should_have_the_number_before_their_text_apart() -> None:
    page, _ = receipt(("Total", "82.50"), below=False)
    values, found = read(page, "description", "line_total")
    assert values == [
        {"description": " ".join(texts), "line_total": float(amount)}
        for texts, _, _, amount in ITEMS
    ]
    assert found.reading.complete


def test_a_total_with_taxes_should_prove_the_rows_by_the_rate() -> None:
    values, found = read(receipt(("VAT 20%", "16.50"), ("Total", "99.00"))[0])
    assert len(values) == len(ITEMS)
    assert found.reading.summed


def test_the_net_sum_and_the_taxes_should_be_no_items() -> None:
    page = DrawnPage()
    lines = (("Workshop", "120.00"), ("", ""), ("Net", "100.00"), ("VAT", "20.00"))
    for n, (text, amount) in enumerate((*lines, ("Total", "120.00"))):
        if text:
            page.put(40, 60 + 10 * n, text)
            page.put(300, 60 + 10 * n, amount, right=True)
    values, _ = read(page, "description", "line_total")
    assert values == [{"description": "Workshop", "line_total": 120}]


@pytest.mark.parametrize("total", ["82.60", "1082.50"])
def test_rows_that_add_up_to_no_total_should_be_read_and_not_be_complete(total: str) -> None:
    values, found = read(receipt(("Total", total))[0])
    assert len(values) >= len(ITEMS)
    assert not found.reading.summed
    assert not found.reading.complete


def test_totals_in_the_columns_of_a_table_should_be_no_rows() -> None:
    page = DrawnPage()
    lefts = [40, 120, -300]
    page.row(60, ["Quantity", "Description", "Line total"], lefts)
    for n, (texts, count, _, amount) in enumerate(ITEMS):
        page.row(72 + 12 * n, [count.rstrip(" x"), texts[0], amount], lefts)
    for n, (label, amount) in enumerate((("Net sum", "82.50"), ("Tax", "8.25"), ("Sum", "90.75"))):
        page.row(112 + 12 * n, [label, "", amount], lefts)
    values, found = read(page, "quantity", "description", "line_total")
    assert [each["line_total"] for each in values if isinstance(each, dict)] == [7.5, 29.9, 45.1]
    assert found.reading.complete

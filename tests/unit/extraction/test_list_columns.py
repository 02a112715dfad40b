"""The columns of lists under unknown titles, and what makes a list incomplete."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import permutations

import numpy as np
import pytest
from pydantic import JsonValue

from chalicelib.contracts.ingest import Page
from chalicelib.extraction.document import source_document
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.list_assignment import best_assignment
from chalicelib.extraction.list_columns import UNPROVEN, match_columns
from chalicelib.extraction.list_evidence import COLUMN_FEATURES, ColumnOdds, column_odds
from chalicelib.extraction.read_fields import ReadList
from chalicelib.extraction.schema import extraction_schema
from chalicelib.extraction.values.readers import value_reader
from chalicelib.extraction.values.reading_hints import ReadingHints
from tests.unit.extraction.pages import written_layout

ITEMS: dict[str, JsonValue] = {
    "item": {"type": "string"},
    "quantity": {"type": "number"},
    "unit_price": {"type": "number"},
    "total_amount": {"type": "number"},
}
ENTRIES: dict[str, JsonValue] = {
    "details": {"type": "string"},
    "debit": {"type": "number"},
    "credit": {"type": "number"},
    "balance": {"type": "number"},
}
SOLD = [("Lamp", 3, "4.50"), ("Desk, oak", 2, "120.00"), ("Chair", 7, "35.25"), ("Rug", 4, "60.10")]


def read(lines: Sequence[Sequence[str]], columns: JsonValue, **demands: JsonValue) -> ReadList:
    """Return the list of a document that has these lines as its table."""
    shown = [f"| {' | '.join(line)} |" for line in lines]
    text = "\n".join([shown[0], f"| {' | '.join('-' * len(lines[0]))} |", *shown[1:]])
    rows: JsonValue = {"type": "array", "items": columns, **demands}
    schema = extraction_schema({"type": "object", "properties": {"rows": rows}})
    document = source_document([Page(page=1, text=text)], None, language="en")
    (found,) = DocumentReader(schema, document, LabelComparison()).read_lists()
    return found


def of_objects(columns: dict[str, JsonValue], *required: str) -> dict[str, JsonValue]:
    """Return the schema of rows with these columns."""
    return {"type": "object", "properties": columns, "required": list(required)}


def values(found: ReadList) -> list[list[object]]:
    """Return the values of the rows."""
    width = len(found.field.columns)
    flat = [field.value for field in found.fields]
    return [list(flat[at : at + width]) for at in range(0, len(flat), width)]


def reasons(found: ReadList) -> str:
    """Return why a list is incomplete, in one text."""
    return " ".join(each.reason for each in found.reading.differences)


@pytest.mark.parametrize("titles", [("Vabo", "Kemi", "Lota", "Ruso"), ()])
def test_columns_are_told_by_arithmetic_under_titles_that_nobody_knows(
    titles: tuple[str, ...],
) -> None:
    lines = [
        (str(count * Decimal(price)), price, str(count), item) for item, count, price in SOLD * 2
    ]
    found = read([*([titles] if titles else []), *lines], of_objects(ITEMS))
    assert values(found) == [
        [item, count, Decimal(price), count * Decimal(price)] for item, count, price in SOLD * 2
    ]
    assert not found.reading.complete


def test_what_a_balance_loses_is_the_debit_wherever_it_stands() -> None:
    changes = [("a", 5, 0), ("b", 0, 20), ("c", 7, 0), ("d", 0, 3), ("e", 11, 0)]
    balance, lines = 100, []
    for name, debit, credit in changes:
        balance += credit - debit
        shown = [f"{each}.00" if each else "" for each in (credit, debit)]
        lines.append((f"Paid for {name}", *shown, f"{balance}.00"))
    found = read([("Vabo", "Kemi", "Lota", "Ruso"), *lines], of_objects(ENTRIES))
    assert [row[1:3] for row in values(found)] == [
        [debit or None, credit or None] for _, debit, credit in changes
    ]


def test_titles_that_are_known_outweigh_the_order_of_columns() -> None:
    lines = [("Details", "Credit", "Debit")]
    lines += [(f"Paid {n}", f"{n}.10" * (n % 2), f"{n}.20" * (1 - n % 2)) for n in range(1, 9)]
    columns = {name: ENTRIES[name] for name in ("details", "debit", "credit")}
    found = read(lines, of_objects(columns))
    assert values(found)[0] == ["Paid 1", None, Decimal("1.10")]
    assert found.reading.complete


def test_a_column_that_numbers_the_rows_is_not_surely_one_of_texts() -> None:
    lines = ["| Item | Qty |", "| - | - |", *(f"| {n} | {n * n}0 |" for n in range(1, 9))]
    (table,) = written_layout("\n".join(lines)).tables()
    schema = extraction_schema(
        {"type": "object", "properties": {"rows": {"type": "array", "items": of_objects(ITEMS)}}}
    )
    leaves = schema.lists[0].columns[:1]
    titles = ColumnOdds(np.array([6.0 * (name == "title_equal") for name in COLUMN_FEATURES]), -1.0)
    match = match_columns(
        leaves, table, [value_reader(leaves[0])], LabelComparison(), ReadingHints(), titles
    )
    assert match.columns == (0,)
    assert match.likely[0] <= UNPROVEN


def table_of(*cells: str) -> list[tuple[str, str]]:
    """Return a table of items and their quantities."""
    return [("Item", "Quantity"), *((f"Lamp {n}", cell) for n, cell in enumerate(cells))]


COUNTED = {name: ITEMS[name] for name in ("item", "quantity")}


@pytest.mark.parametrize(
    ("cells", "required", "demands", "reason"),
    [
        (("4", "2", "3"), ("item", "quantity"), {}, ""),
        (("1", "many", "3", "4"), (), {}, "A cell of /quantity has a text of another kind."),
        (("1", "-", "3", "4"), (), {}, ""),
        (("1", "2", "3"), (), {"minItems": 4}, "demands at least 4 rows"),
        (("1", "2", "3"), (), {"maxItems": 2}, "demands at most 2 rows"),
    ],
)
def test_a_list_is_complete_only_with_values_that_its_schema_demands(
    cells: tuple[str, ...], required: tuple[str, ...], demands: dict[str, JsonValue], reason: str
) -> None:
    found = read(table_of(*cells), of_objects(COUNTED, *required), **demands)
    assert len(found.reading.rows) == len(cells)
    assert found.reading.complete == (not reason), reasons(found)
    assert reason in reasons(found)


def test_a_line_that_may_be_a_row_with_an_empty_cell_is_named() -> None:
    found = read(table_of("1", "2", "", "4"), of_objects(COUNTED))
    assert "The line “Lamp 2” may be a row" in reasons(found)


def test_empty_cells_that_are_required_are_named() -> None:
    lines = [("Item", "Quantity", "Total amount"), *((f"Lamp {n}", "1", "2.50") for n in range(4))]
    lines[2] = ("Lamp 1", "", "2.50")
    columns = {**COUNTED, "total_amount": ITEMS["total_amount"]}
    found = read(lines, of_objects(columns, "quantity"))
    assert len(found.reading.rows) == 4
    assert "A cell of /quantity is required and empty." in reasons(found)


def test_equal_rows_are_kept_and_named_where_the_schema_demands_unique_ones() -> None:
    lines = [("Item", "Quantity"), ("Lamp", "1"), ("Desk", "2"), ("Lamp", "1")]
    found = read(lines, of_objects(COUNTED), uniqueItems=True)
    assert len(found.reading.rows) == 3
    assert "Rows 0 and 2 are equal" in reasons(found)


def test_a_required_column_that_is_not_there_is_named() -> None:
    columns: dict[str, JsonValue] = {
        **COUNTED,
        "serial_number": {"type": "string", "x-kind": "identifier"},
    }
    found = read(table_of("1", "2", "3"), of_objects(columns, "serial_number"))
    assert "No column was found for /serial_number, which is required." in reasons(found)


def test_an_assignment_has_the_largest_sum_and_uses_a_column_once() -> None:
    rng = np.random.default_rng(7)
    for rows, width in ((1, 4), (3, 3), (4, 2), (4, 5)):
        gains = rng.normal(size=(rows, width)).round(2)
        given = best_assignment(gains)
        used = [at for at in given if at is not None]
        assert len(used) == len(set(used))
        padded = np.hstack([gains, np.zeros((rows, rows))])
        best = max(
            sum(padded[row, at] for row, at in enumerate(each))
            for each in permutations(range(width + rows), rows)
        )
        assert sum(gains[row, at] for row, at in enumerate(given) if at is not None) == (
            pytest.approx(best)
        )


def test_the_shipped_odds_weigh_what_the_code_tells() -> None:
    weights = dict(zip(COLUMN_FEATURES, column_odds().weights, strict=True))
    assert min(weights["title_clear"], weights["role_clear"], weights["trait"]) > 0
    assert max(weights["title_contrary"], weights["title_rival"], weights["role_elsewhere"]) < 0

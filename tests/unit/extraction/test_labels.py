"""Labels of values: beside, above and below them, in their cell, and of their table."""

from __future__ import annotations

from chalicelib.contracts.ingest import Page
from chalicelib.extraction.document import Span, source_document
from chalicelib.extraction.layout.document_layout import DocumentLayout, read_layout
from tests.unit.extraction.pages import DrawnPage, drawn_layout, written_layout


def labels(layout: DocumentLayout, value: str, page: int = 1) -> list[tuple[str, str]]:
    """Return the relations and texts of the labels of a value."""
    start = layout.document.page(page).text.index(value)
    found = layout.labels(Span(page, start, start + len(value)))
    assert [label.gap for label in found] == sorted(label.gap for label in found)
    return [(label.relation, label.text) for label in found]


def test_labels_stand_before_above_and_below_a_value_without_their_dots() -> None:
    page = DrawnPage()
    page.put(40, 50, "Total due ........")
    page.put(300, 50, "19.85")
    page.put(300, 38, "Amount")
    page.put(300, 60, "(signature)")
    found = labels(drawn_layout([page]), "19.85")
    assert ("left", "Total due") in found
    assert ("above", "Amount") in found
    assert ("below", "(signature)") in found


def test_a_label_in_the_same_cell_ends_at_its_colon() -> None:
    page = DrawnPage()
    page.put(40, 50, "Thank you. Invoice no.: 4711")
    assert labels(drawn_layout([page]), "4711") == [("same_cell", "Invoice no.")]
    assert labels(written_layout("Maker: Voss"), "Voss") == [("same_cell", "Maker")]


def test_labels_may_stand_behind_a_value_in_its_cell_and_beside_it() -> None:
    page = DrawnPage()
    page.put(40, 50, "19.85")
    page.put(200, 50, "Total due")
    page.put(40, 90, "4711 (Invoice no.), paid")
    layout = drawn_layout([page])
    assert labels(layout, "19.85") == [("behind", "Total due")]
    assert ("behind", "Invoice no.") in labels(layout, "4711")


def test_a_script_from_the_right_has_its_labels_there() -> None:
    page = DrawnPage()
    page.put(300, 50, "סכום")
    page.put(100, 50, "19.85")
    assert labels(drawn_layout([page]), "19.85") == [("left", "סכום")]


def test_values_of_tables_have_the_title_of_the_column_and_the_head_of_the_row() -> None:
    text = "| Year | Rent | Power |\n| - | - | - |\n| North | 10 | 20 |\n| South | 30 | 45 |"
    found = labels(written_layout(text), "45")
    assert ("column", "Power") in found
    assert ("row", "South") in found


def test_a_value_has_the_heading_that_it_stands_under() -> None:
    page = Page(page=1, text="Seller\n\nVAT 5", headings=((0, "Invoice › Seller"),))  # noqa: RUF001
    layout = read_layout(source_document([page], None))
    assert ("heading", "Invoice › Seller") in labels(layout, "5")  # noqa: RUF001


def test_lines_below_each_other_are_a_block_and_columns_are_two() -> None:
    page = DrawnPage()
    for n, line in enumerate(["Voss Ltd", "1 High Street", "London"]):
        page.put(40, 50 + 10 * n, line)
    page.put(300, 50, "Invoice")
    page.put(40, 150, "Dear customer")
    blocks = drawn_layout([page]).blocks(1)
    assert [block.text for block in blocks] == [
        "Voss Ltd\n1 High Street\nLondon",
        "Invoice",
        "Dear customer",
    ]
    assert blocks[0].box == (40, 50, 100, 78)

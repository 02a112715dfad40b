"""Tables are seen in two ways, and a list that nothing confirms is incomplete."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from chalicelib.contracts.ingest import Page
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.extraction.document import source_document
from chalicelib.extraction.document_reader import DocumentReader
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.read_fields import ReadList
from chalicelib.extraction.schema import extraction_schema

HEIGHT, LETTER = 12.0, 6.0
LINES: dict[str, JsonValue] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "description": {"type": "string"},
            "quantity": {"type": "number"},
            "amount": {"type": "number"},
        },
    },
}


def read(pages: list[Page], words: list[PageWords] | None = None) -> ReadList:
    """Return the list of a document, compared by words and letters alone."""
    schema = extraction_schema({"type": "object", "properties": {"lines": LINES}})
    document = source_document(pages, words, language="en")
    (found,) = DocumentReader(schema, document, LabelComparison()).read_lists()
    return found


def rows(found: ReadList) -> list[tuple[str, ...]]:
    """Return the texts of the cells, "" where there is none."""
    return [tuple(cell.text if cell else "" for cell in row) for row in found.reading.rows]


def table(*lines: tuple[str, ...]) -> str:
    """Return a table in Markdown, whose first line is its header."""
    shown = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([shown[0], f"| {' | '.join('-' * len(lines[0]))} |", *shown[1:]])


def placed(text: str, columns: dict[int, float], top: float = 40.0) -> list[WordBox]:
    """Return a box for each word of a text's lines; cells stand at the columns' left edges."""
    boxes: list[WordBox] = []
    offset = 0
    for number, line in enumerate(text.split("\n")):
        at, cell, x = 0, -1, columns[0]
        for word in line.split(" "):
            if word == "|":
                cell += 1
                x = columns.get(cell, x)
            elif word.strip("-"):
                y = top + number * 2 * HEIGHT
                start = offset + at
                width = len(word) * LETTER
                boxes.append(WordBox(start, start + len(word), x, y, x + width, y + HEIGHT))
                x += width + LETTER / 2
            at += len(word) + 1
        offset += len(line) + 1
    return boxes


GOODS = (
    ("Description", "Quantity", "Amount"),
    ("Paper, box of 500", "2", "30.00"),
    ("Ink cartridge, black", "1", "70.00"),
    ("Desk lamp with a clamp", "4", "96.00"),
)
RIGHT = [tuple(each) for each in GOODS[1:]]


def test_a_table_whose_titles_name_the_columns_should_be_a_complete_list() -> None:
    found = read([Page(page=1, text=table(*GOODS))])
    assert rows(found) == RIGHT
    assert found.reading.complete


def test_a_table_under_other_titles_should_be_doubted() -> None:
    other = (("Kenmerk", "Stuks", "Waarde"), *GOODS[1:])
    found = read([Page(page=1, text=table(*other))])
    assert not found.reading.complete
    assert "do not confirm" in found.reading.differences[-1].reason


def test_unknown_titles_should_leave_columns_in_doubt_though_two_ways_read_as_many_rows() -> None:
    text = table(("Kenmerk", "Stuks", "Waarde"), *GOODS[1:])
    words = PageWords(
        page=1, width=600, height=800, words=tuple(placed(text, {0: 40, 1: 300, 2: 400}))
    )
    found = read([Page(page=1, text=text)], [words])
    assert rows(found) == RIGHT
    assert found.reading.counted == len(RIGHT)
    reasons = {each.reason for each in found.reading.differences}
    assert "The column “Waarde” is not surely /amount." in reasons


@pytest.mark.parametrize("text", ["", "The meeting was moved to the large room."])
def test_a_document_without_a_table_should_not_have_a_complete_list(text: str) -> None:
    found = read([Page(page=1, text=text)])
    assert rows(found) == []
    assert not found.reading.complete
    assert "No table" in found.reading.differences[-1].reason


def test_the_text_should_be_read_where_places_join_an_address_with_the_table() -> None:
    above = table(
        ("Voss Hydro Ltd", "", "INVOICE"),
        ("Weir Lane 4", "Number", "7731"),
        ("Kendal", "Order", "4420"),
        ("England", "Customer", "1182"),
    )
    text = f"{above}\n\n{table(*GOODS)}"
    columns = {0: 40.0, 1: 300.0, 2: 400.0}
    first = placed(above, columns)
    second = [
        box._replace(start=box.start + len(above) + 2, end=box.end + len(above) + 2)
        for box in placed(table(*GOODS), columns, top=40 + 2 * HEIGHT * 5)
    ]
    words = PageWords(page=1, width=600, height=800, words=(*first, *second))
    assert rows(read([Page(page=1, text=text)], [words])) == RIGHT

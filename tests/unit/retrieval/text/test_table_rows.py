from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.documents.tables import table_blocks
from chalicelib.retrieval.text.sentences import (
    TextSpan,
    describe_row,
    is_table_header,
    split_sentences,
    table_header,
)

TABLE = """Generation in 2024

| Month | Energy (MWh) | Note |
| - | -: | - |
| January | 196 |  |
| March | 214 | flood \\| late |"""
CELL = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=8)


def place(line: str, text: str = TABLE) -> TextSpan:
    start = text.index(line)
    return TextSpan(start, start + len(line))


def text_at(span: TextSpan | None, text: str = TABLE) -> str | None:
    return None if span is None else text[span.start : span.end]


def test_a_row_has_the_header_of_its_table() -> None:
    header = "| Month | Energy (MWh) | Note |"
    assert text_at(table_header(TABLE, place("| January | 196 |  |"))) == header
    assert text_at(table_header(TABLE, place("| March | 214 | flood \\| late |"))) == header


@pytest.mark.parametrize(
    "line", ["| Month | Energy (MWh) | Note |", "| - | -: | - |", "Generation"]
)
def test_what_is_no_row_of_values_has_no_header(line: str) -> None:
    assert table_header(TABLE, place(line)) is None


def test_a_row_whose_header_is_in_another_passage_has_none() -> None:
    rest = "| March | 214 | |\n| April | 201 | |"
    assert table_header(rest, place("| April | 201 | |", rest)) is None


def test_a_row_does_not_reach_into_the_table_above() -> None:
    text = f"{TABLE}\n\n| April | 201 | |"
    assert table_header(text, place("| April | 201 | |", text)) is None


def test_a_row_of_dashes_among_the_values_is_a_row_like_the_others() -> None:
    text = "| Month | MWh |\n| - | - |\n| March | 214 |\n| - | - |\n| May | 300 |"
    assert text_at(table_header(text, place("| May | 300 |", text)), text) == "| Month | MWh |"
    assert not is_table_header(text, place("| March | 214 |", text))


def test_a_header_is_told_from_other_rows() -> None:
    assert is_table_header(TABLE, place("| Month | Energy (MWh) | Note |"))
    assert not is_table_header(TABLE, place("| January | 196 |  |"))
    assert not is_table_header(TABLE, place("Generation in 2024"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("| January | 196 |  |", "Month: January; Energy (MWh): 196"),
        ("| March | 214 | flood \\| late |", "Month: March; Energy (MWh): 214; Note: flood | late"),
        ("| March | 214 | dry | extra |", "Month: March; Energy (MWh): 214; Note: dry; extra"),
        ("| March |", "Month: March"),
    ],
)
def test_each_cell_is_named(row: str, words: str) -> None:
    assert describe_row("| Month | Energy (MWh) | Note |", row) == words


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=2, max_size=6))
def test_every_row_of_a_table_that_was_read_is_one_sentence_with_its_header(
    rows: list[list[str]],
) -> None:
    found = []
    for block in table_blocks(rows):
        for span in split_sentences(block.text):
            header = table_header(block.text, span)
            if header is not None:
                named = block.text[header.start : header.end]
                found.append(describe_row(named, block.text[span.start : span.end]))
    assert len(found) == len(rows) - 1
    for words, row in zip(found, rows[1:], strict=True):
        assert all(f": {' '.join(cell.split())}" in words for cell in row)

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.ingest import Page
from functions.recognise_pages.notices import page_list
from functions.recognise_pages.text import Point, RecognisedLine, confidence, text_page

HEIGHT, PITCH, LETTER = 30.0, 34.0, 14.0


def line(
    x: float, y: float, text: str, *, degrees: float = 0.0, score: float = 1.0
) -> RecognisedLine:
    """A box around text that stands at a place on a page, which lay on the scanner askew."""
    turn = math.radians(degrees)

    def turned(across: float, down: float) -> Point:
        return (
            across * math.cos(turn) - down * math.sin(turn),
            across * math.sin(turn) + down * math.cos(turn),
        )

    right, bottom = x + LETTER * len(text), y + HEIGHT
    corners = (turned(x, y), turned(right, y), turned(right, bottom), turned(x, bottom))
    return RecognisedLine(corners, text, score)


def text(lines: Sequence[RecognisedLine]) -> str:
    return text_page(Page(page=1, text=""), lines).text


def test_lines_become_paragraphs_where_more_than_a_line_is_between_them() -> None:
    places = [(0, "One line"), (1, "and another."), (3, "A new"), (4, "paragraph.")]
    assert text([line(0, PITCH * n, said) for n, said in places]) == (
        "One line\nand another.\n\nA new\nparagraph."
    )


def test_a_word_parted_at_the_end_of_a_line_is_whole_again() -> None:
    assert text([line(0, 0, "The head-"), line(0, PITCH, "race is long.")]) == (
        "The headrace is long."
    )
    assert text([line(0, 0, "Alder-"), line(0, PITCH, "Mill")]) == "Alder-\nMill"


@pytest.mark.parametrize("degrees", [-2.0, 0.0, 1.5])
def test_a_table_is_a_table_however_the_page_lay(degrees: float) -> None:
    rows = [("Month", "Inflow", "Hours"), ("January", "3.9", "4"), ("March", "4.6", "0")]
    rows += [("April", "4.1", "2"), ("A line that is long enough to tell the angle by", "", "")]
    lines = [
        line(x, PITCH * 2 * n, cell, degrees=degrees)
        for n, row in enumerate(rows)
        for x, cell in zip((0, 400, 800), row, strict=True)
        if cell
    ]
    assert text(lines).startswith(
        "| Month | Inflow | Hours |\n| - | - | - |\n| January | 3.9 | 4 |\n| March | 4.6 | 0 |\n"
    )


def test_what_is_hardly_text_is_left_out_but_counts_against_the_page() -> None:
    lines = [line(0, 0, "Text"), line(0, PITCH, "~;.,", score=0.2)]
    assert text(lines) == "Text"
    assert confidence(lines) == pytest.approx(0.6)
    assert confidence([]) == 0.0


def test_signs_alone_are_no_text() -> None:
    assert text([line(0, 0, "■", score=0.6), line(0, PITCH, "- -")]) == ""
    assert text([line(0, 0, "■"), line(0, PITCH, "7")]) == "■\n7"


@given(
    st.lists(
        st.tuples(
            st.floats(-50, 3000), st.floats(-50, 3000), st.text(max_size=12), st.floats(-180, 180)
        ),
        max_size=20,
    )
)
def test_any_boxes_become_a_page(places: list[tuple[float, float, str, float]]) -> None:
    page = text_page(
        Page(page=7, text=""),
        [line(x, y, said, degrees=degrees) for x, y, said, degrees in places],
    )
    assert page.page == 7
    assert all(at <= len(page.text) for at, _ in page.headings)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([3], "page 3"),
        ([4, 3], "pages 3 and 4"),
        ([1, 3, 4, 5, 9], "pages 1, 3 to 5, 9"),
    ],
)
def test_pages_are_named_shortly(numbers: list[int], words: str) -> None:
    assert page_list(numbers) == words

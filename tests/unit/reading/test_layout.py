from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.documents import layout
from chalicelib.documents.boxes import Piece, rows_of
from chalicelib.documents.layout import Grid, Prose, Region, regions

HEIGHT, PITCH, LETTER = 10.0, 14.0, 5.0


def line(y: float, *cells: tuple[float, str]) -> list[Piece]:
    """Pieces that stand at `x` on one line, as wide as their letters."""
    return [Piece(x, y, x + LETTER * len(text), y + HEIGHT, text) for x, text in cells]


def page(*rows: Sequence[tuple[float, str]]) -> list[Piece]:
    return [piece for n, row in enumerate(rows) for piece in line(n * PITCH, *row)]


def text(region: Region) -> list[str]:
    if isinstance(region, Grid):
        return [" | ".join(row) for row in region.cells]
    return [" ".join(cell.text for cell in row) for row in region.rows]


PROSE = "five words are in here"


def test_words_with_a_space_between_them_are_one_cell() -> None:
    rows = rows_of([*line(0, (0, "open"), (25, "the")), *line(1, (80, "gate"))], gap=1.0)
    assert [[cell.text for cell in row] for row in rows] == [["open the", "gate"]]


def test_the_mark_of_a_list_stays_with_what_it_marks() -> None:
    found = regions(page(*([(0, f"{n}."), (60, PROSE)] for n in range(1, 6))), 1.0)
    assert [text(region) for region in found] == [[f"{n}. {PROSE}" for n in range(1, 6)]]


def test_rows_of_short_cells_are_a_table_below_the_line_above_it() -> None:
    pieces = page(
        [(0, "The readings of the year are these, and there are no others:")],
        [(0, "Month"), (100, "Inflow"), (200, "Hours")],
        [(0, "January"), (100, "3.9"), (200, "4")],
        [(0, "February"), (100, "3.4"), (200, "11")],
        [(0, "That was all that could be read off the instruments in spring.")],
    )
    found = regions(pieces, 1.0)
    assert [type(region) for region in found] == [Prose, Grid, Prose]
    assert text(found[1]) == ["Month | Inflow | Hours", "January | 3.9 | 4", "February | 3.4 | 11"]


def test_an_empty_cell_keeps_its_place() -> None:
    pieces = page(
        [(0, "Part"), (100, "Where"), (200, "Pieces")],
        [(0, "Pin"), (200, "12")],
        [(0, "Seal"), (100, "Store"), (200, "3")],
        [(0, "Bush"), (100, "Store"), (200, "8")],
    )
    assert text(regions(pieces, 1.0)[0])[1] == "Pin |  | 12"


def test_a_cell_of_two_lines_is_one_cell() -> None:
    pieces = [
        *line(0, (0, "Part"), (100, "Where"), (300, "Pieces")),
        *line(20, (100, "upper shelf, left")),
        *line(27, (0, "Pin"), (300, "12")),
        *line(34, (100, "of the door")),
        *line(54, (0, "Seal"), (100, "Store"), (300, "3")),
        *line(74, (0, "Bush"), (100, "Store"), (300, "8")),
    ]
    assert text(regions(pieces, 1.0)[0]) == [
        "Part | Where | Pieces",
        "Pin | upper shelf, left of the door | 12",
        "Seal | Store | 3",
        "Bush | Store | 8",
    ]


def test_two_columns_of_text_are_read_one_after_the_other() -> None:
    pieces = page(
        [(60, "A title that stands over both columns")],
        *([(0, f"left {n} {PROSE}"), (200, f"right {n} {PROSE}")] for n in range(4)),
        [(0, f"left 4 {PROSE}")],
    )
    said = [each for region in regions(pieces, 1.0) for each in text(region)]
    assert [each.split()[0] for each in said] == ["A", *["left"] * 5, *["right"] * 4]


def test_columns_whose_lines_do_not_match_are_columns_all_the_same() -> None:
    left = [piece for n in range(5) for piece in line(n * PITCH, (0, f"left {PROSE}"))]
    right = [piece for n in range(5) for piece in line(n * PITCH + 7, (200, f"right {PROSE}"))]
    said = [each for region in regions([*left, *right], 1.0) for each in text(region)]
    assert [each.split()[0] for each in said] == ["left"] * 5 + ["right"] * 5


def test_two_columns_of_words_are_no_table() -> None:
    pieces = page(*([(0, "Name"), (100, "Ann")] for _ in range(5)))
    assert [type(region) for region in regions(pieces, 1.0)] == [Prose]


def test_a_page_in_too_many_pieces_is_read_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = page(*([(0, "a"), (100, "1"), (200, "2")] for _ in range(5)))
    monkeypatch.setattr(layout, "MAX_PIECES", 4)
    assert [type(region) for region in regions(pieces, 1.0)] == [Prose]


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 40), st.integers(1, 12), st.integers(6, 16)),
        max_size=40,
    )
)
def test_every_piece_is_read_once(places: list[tuple[int, int, int, int]]) -> None:
    pieces = [
        Piece(x * 10, y * 8, x * 10 + letters * 5, y * 8 + height, f"w{at}")
        for at, (x, y, letters, height) in enumerate(places)
    ]
    words: Counter[str] = Counter()
    for region in regions(pieces, 1.0):
        words.update(" ".join(text(region)).replace("|", " ").split())
    assert words == Counter(f"w{at}" for at in range(len(places)))

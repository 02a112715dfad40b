"""Tables: no row without its header, no cell that breaks its row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.ingest import Page
from chalicelib.documents.pages import Block, page_of
from chalicelib.documents.tables import table_blocks
from chalicelib.retrieval.text.chunks import chunk_pages

TABLES = st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=6), max_size=12)


def count(text: str) -> int:
    return len(text.replace("|", " | ").split()) + 2


def lines(block: Block) -> list[str]:
    return block.text.split("\n")


def test_a_table_should_be_markdown() -> None:
    (block,) = table_blocks([["Part", "Count"], ["bolt", "12"], ["nut"]])
    assert lines(block) == ["| Part | Count |", "| - | - |", "| bolt | 12 |", "| nut |  |"]


def test_bars_and_line_ends_in_cells_should_not_break_rows() -> None:
    (block,) = table_blocks([["a|b", "c\nd"], ["e\r\nf", " g \t h "]])
    assert lines(block) == ["| a\\|b | c d |", "| - | - |", "| e f | g h |"]


@given(rows=TABLES)
def test_every_line_of_a_table_should_have_as_many_cells(rows: list[list[str]]) -> None:
    for block in table_blocks(rows):
        bars = {line.replace("\\|", "").count("|") for line in lines(block)}
        assert len(bars) == 1


@given(rows=TABLES)
def test_no_cell_should_be_lost(rows: list[list[str]]) -> None:
    shown = "\n".join(block.text for block in table_blocks(rows))
    for row in rows:
        for cell in row:
            assert " ".join(cell.split()).replace("|", "\\|") in shown


def test_a_long_table_should_repeat_its_header() -> None:
    rows = [[f"name {number}", str(number)] for number in range(200)]
    blocks = table_blocks(rows, header=["Name", "Number"])
    assert len(blocks) > 5
    assert {lines(block)[0] for block in blocks} == {"| Name | Number |"}
    assert [line for block in blocks for line in lines(block)[2:]] == [
        f"| name {number} | {number} |" for number in range(200)
    ]


def test_a_wide_table_should_be_parted_by_columns_behind_the_first() -> None:
    header = [f"measurement {number}" for number in range(60)]
    blocks = table_blocks([header, [str(number) for number in range(60)]])
    assert len(blocks) > 3
    assert all(lines(block)[0].startswith("| measurement 0 |") for block in blocks)
    assert all(f"measurement {number} |" in "".join(b.text for b in blocks) for number in range(60))


def test_empty_rows_should_be_left_out_and_an_empty_table_be_nothing() -> None:
    assert table_blocks([["", " "], []]) == []
    assert len(table_blocks([["a", "b"], ["", ""], ["c", "d"]])[0].text.split("\n")) == 3


def test_a_table_that_is_mostly_empty_should_not_swell() -> None:
    rows = [["a", "b"]] * 2_000 + [["far", *map(str, range(5_000))]]
    blocks = table_blocks(rows)
    assert sum(len(block.text) for block in blocks) < 500_000
    assert "| 4999 |" in blocks[-1].text


def test_columns_in_which_nothing_stands_should_be_left_out() -> None:
    (block,) = table_blocks([["a", "", "b", ""], ["1", "", "", "2"], ["", "", "3"]])
    assert lines(block) == ["| a | b |  |", "| - | - | - |", "| 1 |  | 2 |", "|  | 3 |  |"]


def test_a_header_without_rows_should_be_kept() -> None:
    assert [lines(block) for block in table_blocks([], header=["a", "b"])] == [
        ["| a | b |", "| - | - |"]
    ]


def test_an_empty_header_should_not_take_the_first_row_for_itself() -> None:
    (block,) = table_blocks([["a", "b"]], header=["", ""])
    assert lines(block) == ["|  |  |", "| - | - |", "| a | b |"]
    assert table_blocks([], header=["", ""]) == []


def test_a_single_cell_should_be_text() -> None:
    assert table_blocks([["Only this"]]) == [Block("Only this")]


def test_every_passage_of_a_table_should_begin_with_its_header() -> None:
    rows = [[f"task {number}", "every two weeks", str(number)] for number in range(100)]
    page: Page = page_of(
        1,
        [
            Block("Tasks", 1),
            Block("Before the table stands a text of some length. " * 8),
            *table_blocks(rows, header=["Task", "Interval", "Number"]),
            Block("And after it another one."),
        ],
    )
    chunks = list(chunk_pages([page], count, 256))
    tables = [chunk for chunk in chunks if "| task" in chunk.text]
    assert len(tables) > 2
    assert all(chunk.text.startswith("| Task | Interval | Number |") for chunk in tables)
    assert {chunk.heading for chunk in tables} == {"Tasks"}

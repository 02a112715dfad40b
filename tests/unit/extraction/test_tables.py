"""Tables of pages with and without boxes: columns, rows, and what is joined over pages."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.extraction.document import source_document
from chalicelib.extraction.layout.document_layout import read_layout
from chalicelib.extraction.layout.tables import LayoutTable, RowKind
from functions.read_document.pdf import pdf_document
from models.datasets.business_documents import draw_document
from models.datasets.business_documents.designs import DESIGNS
from tests.unit.extraction.pages import DrawnPage, drawn_layout, written_layout

HEADER = ["Date", "Details", "Amount"]
LEFTS = [40, 120, -500]
ROWS = [[f"0{n}.03.2025", f"Coffee number {n}", f"{n}.50"] for n in range(1, 9)]


def texts(table: LayoutTable, kind: RowKind = RowKind.DATA) -> list[list[str]]:
    """Return the cells of the rows of a kind."""
    rows = [row for row in table.rows if row.kind is kind]
    return [[cell.text if cell else "" for cell in row.cells] for row in rows]


def titles(table: LayoutTable) -> list[str]:
    """Return the titles of the columns."""
    return [column.title.text if column.title else "" for column in table.columns]


def drawn(rows: Iterable[tuple[float, list[str]]], page: DrawnPage | None = None) -> DrawnPage:
    """Return a page with rows of three columns, each at its top."""
    page = page or DrawnPage()
    for top, cells in rows:
        page.row(top, cells, LEFTS)
    return page


def test_a_table_goes_on_over_pages_with_its_header_on_the_first_or_on_each() -> None:
    for repeated in (True, False):
        pages = []
        for number in range(3):
            page = DrawnPage()
            page.put(40, 20, "Bank of Graz")
            page.put(300, 820, f"Page {number + 1}")
            head = [HEADER] if repeated or number == 0 else []
            drawn([(60 + 14.0 * n, r) for n, r in enumerate([*head, *ROWS])], page)
            pages.append(page)
        (table,) = drawn_layout(pages).tables()
        assert titles(table) == HEADER
        assert texts(table) == ROWS * 3
        assert table.pages == (1, 2, 3)
        assert len(texts(table, RowKind.HEADER)) == (3 if repeated else 1)


def test_texts_that_go_on_below_are_one_cell_even_on_the_next_page() -> None:
    first = drawn([(60, HEADER), (80, ROWS[0]), (94, ROWS[1]), (105, ["", "and a bun", ""])])
    second = drawn([(60, ["", "with butter", ""]), (74, ROWS[2]), (88, ROWS[3])])
    (table,) = drawn_layout([first, second]).tables()
    assert texts(table) == [
        ROWS[0],
        [ROWS[1][0], "Coffee number 2 and a bun with butter", ROWS[1][2]],
        ROWS[2],
        ROWS[3],
    ]
    cell = table.data[1].cells[1]
    assert cell is not None
    assert [span.page for span in cell.spans] == [1, 1, 2]


def test_numbers_may_stand_beside_the_middle_of_a_text_of_two_lines() -> None:
    lines = [(60.0, HEADER)]
    for n, (date, details, amount) in enumerate(ROWS[:3]):
        top = 85 + 30.0 * n
        lines += [(top, ["", details, ""]), (top + 5, [date, "", amount])]
        lines += [(top + 10, ["", "more", ""])]
    (table,) = drawn_layout([drawn(lines)]).tables()
    assert texts(table) == [[d, f"{t} more", a] for d, t, a in ROWS[:3]]


def test_subtotals_and_titles_of_groups_are_no_data() -> None:
    rows = [HEADER, *ROWS[:3], ["", "Carried forward", "7.50"]]
    first = drawn([(60 + 14.0 * n, row) for n, row in enumerate(rows)])
    rows = [HEADER, ["", "Carried forward", "7.50"], *ROWS[3:6], ["Drinks", "", ""], *ROWS[6:]]
    second = drawn([(60 + 14.0 * n, row) for n, row in enumerate(rows)])
    (table,) = drawn_layout([first, second]).tables()
    assert texts(table) == ROWS
    assert texts(table, RowKind.SUMMARY) == [["", "Carried forward", "7.50"]] * 2
    assert texts(table, RowKind.NOTE) == [["Drinks", "", ""]]


def test_two_tables_of_one_page_are_two() -> None:
    page = drawn([(60 + 14.0 * n, row) for n, row in enumerate([HEADER, *ROWS[:3]])])
    for n, cells in enumerate([["Tax", "Base", "Sum"], ["19 %", "10.00", "1.90"]]):
        page.row(200 + 14.0 * n, cells, [200, 300, 400])
    first, second = drawn_layout([page]).tables()
    assert texts(first) == ROWS[:3]
    assert (titles(second), texts(second)) == (["Tax", "Base", "Sum"], [["19 %", "10.00", "1.90"]])


def test_a_number_close_to_the_next_column_is_a_cell_of_its_own() -> None:
    page = DrawnPage()
    page.row(60, ["No", "Item", "Qty"], [-60, 66, -300])
    for n in range(1, 12):
        page.row(60 + 14 * n, [str(n), "Card of blue paper", str(3 * n)], [-60, 66, -300])
    (table,) = drawn_layout([page]).tables()
    assert texts(table) == [[str(n), "Card of blue paper", str(3 * n)] for n in range(1, 12)]


def test_a_title_may_stand_beside_the_cells_of_its_column() -> None:
    page = DrawnPage()
    page.row(60, ["Item", "Net", "Gross"], [40, 300, 400])
    for n in range(5):
        page.row(74 + 14 * n, [f"Lamp {n}", "1.00", "1.19"], [40, -380, -480])
    (table,) = drawn_layout([page]).tables()
    assert titles(table) == ["Item", "Net", "Gross"]
    assert texts(table) == [[f"Lamp {n}", "1.00", "1.19"] for n in range(5)]


def test_paragraphs_in_two_columns_are_no_table() -> None:
    page = DrawnPage()
    for n in range(6):
        text = "these are the words of a text that runs on"
        page.row(60 + 10 * n, [text, text], [40, 320])
    assert drawn_layout([page]).tables() == ()


def test_tables_without_boxes_are_joined_by_their_headers() -> None:
    head = "| Date | Details | Amount |\n| - | - | - |\n"
    row = "| 1 May | a \\| b |  |"
    sheet = f"Sheet1\n\n{head}{row}\n{row}\n\n{head}{row}"
    (table,) = written_layout(sheet, f"Sheet1\n\n{head}{row}").tables()
    assert titles(table) == HEADER
    assert texts(table) == [["1 May", "a \\| b", ""]] * 4
    assert table.pages == (1, 2)


def test_titles_that_stand_too_close_are_parted_by_the_columns_below() -> None:
    lefts = [40, 120, -360, 366, -500]
    body = [[f"0{n}.03.2025", f"Lamp {n}", f"{n}", "pcs", f"{n}.50"] for n in range(1, 9)]
    first, second = DrawnPage(), DrawnPage()
    for page, unit in ((first, 364), (second, 369)):
        page.row(60, ["Date", "Details", "Amount", "Unit", "Total"], [40, 120, -360, unit, -500])
        for n, cells in enumerate(body):
            page.row(74 + 14 * n, cells, lefts)
    (table,) = drawn_layout([first, second]).tables()
    assert titles(table) == ["Date", "Details", "Amount", "Unit", "Total"]
    assert texts(table) == body * 2


def test_the_end_of_a_long_text_stays_in_its_column() -> None:
    page = DrawnPage()
    lefts = [40, -300, -400]
    page.row(60, ["Item", "Price", "Sum"], lefts)
    for n in range(1, 13):
        text = "Lamp of the very long kind that is blue" if n == 5 else "Card of paper"
        page.row(60 + 14 * n, [text, "5,000.00", "9,000.00"], lefts)
    (table,) = drawn_layout([page]).tables()
    assert texts(table)[4] == ["Lamp of the very long kind that is blue", "5,000.00", "9,000.00"]


def test_a_code_below_each_text_is_a_column_of_its_own() -> None:
    page = DrawnPage()
    lefts = [40, -300]
    page.row(60, ["Item", "Price"], lefts)
    for n in range(4):
        page.row(74 + 30 * n, [f"Lamp of {'blue' * (n + 1)} glass", f"{n}.50"], lefts)
        page.row(84 + 30 * n, [f"77-{n}{n}{n}", ""], lefts)
    (table,) = drawn_layout([page]).tables()
    assert titles(table) == ["Item", "", "Price"]
    assert [row[1:] for row in texts(table)] == [[f"77-{n}{n}{n}", f"{n}.50"] for n in range(4)]


def test_titles_of_groups_below_a_header_are_in_no_row() -> None:
    lines = [HEADER, ["Drinks", "", ""], *ROWS[:3], ["Food", "", ""], *ROWS[3:6]]
    page = drawn([(60 + 14.0 * n, row) for n, row in enumerate(lines)])
    (table,) = drawn_layout([page]).tables()
    assert texts(table) == ROWS[:6]


def test_a_header_in_two_lines_is_not_lost_to_the_facts_above_it() -> None:
    page = DrawnPage()
    for n in range(5):
        page.row(60 + 12 * n, ["Order", f"77-{n}"], [40, 300])
    lefts = [40, 120, -360, -500]
    page.row(150, ["No.", "Details", "Unit", "Total"], [40, 120, -360, -500])
    page.row(160, ["", "", "price", "sum"], lefts)
    for n in range(1, 6):
        page.row(176 + 14 * n, [str(n), f"Lamp {n}", f"{n}.50", f"{n}.00"], lefts)
    *_, table = drawn_layout([page]).tables()
    assert titles(table) == ["No.", "Details", "Unit price", "Total sum"]
    assert len(texts(table)) == 5


def test_a_written_table_without_a_header_keeps_its_first_row() -> None:
    lines = [f"| Lamp {n} | {n} | {n}.50 |" for n in range(1, 6)]
    rule = "| - | - | - |"
    (table,) = written_layout(
        "\n".join([lines[0], rule, *lines[1:3], "", lines[0], rule, *lines[3:]])
    ).tables()
    assert texts(table) == [[f"Lamp {n}", str(n), f"{n}.50"] for n in range(1, 6)]


def written(rows: list[list[str]], per_block: int) -> str:
    """Return rows as ingest writes them: in blocks that each repeat the first of them."""
    shown = [f"| {' | '.join(row)} |" for row in rows]
    rule = f"| {' | '.join('-' * len(rows[0]))} |"
    blocks = [shown[at : at + per_block] for at in range(1, len(shown), per_block)]
    return "\n\n".join("\n".join([shown[0], rule, *block]) for block in blocks)


def test_a_title_over_all_columns_of_a_written_table_is_not_its_header() -> None:
    body = [[f"Town {n}", str(n * 70), str(n * 9)] for n in range(1, 13)]
    header = ["Town", "People", "Schools"]
    pages = [
        written([[f"District {n}", "", ""], header, *body[first : first + 6]], 3)
        for n, first in enumerate((0, 6), 1)
    ]
    (table,) = written_layout(*pages).tables()
    assert titles(table) == header
    assert texts(table) == body


def test_a_row_at_the_top_of_the_next_page_is_no_header_of_a_written_table() -> None:
    rows = [["Code", "Meaning"], *([f"A{n}", f"Place of kind {chr(65 + n)}"] for n in range(20))]
    (table,) = written_layout(written(rows[:9], 4), written(rows[9:], 5)).tables()
    assert titles(table) == rows[0]
    assert texts(table) == rows[1:]
    others = [["Name", "Text"], *(["Lamp", "of the year"] for _ in range(5))]
    assert len(written_layout(written(rows[:9], 4), written(others, 5)).tables()) == 2


def test_groups_of_columns_of_a_wide_table_are_side_by_side_again() -> None:
    rows = [["No", "Item", "Text", "Amount"]]
    rows += [[str(n), f"Lamp {n}", f"of {n}", f"{n}.50"] for n in range(1, 7)]
    rows[-1][3] = ""
    left = [row[:3] for row in rows]
    right = [[row[0], row[3]] for row in rows[:-1]]
    page = f"{written(left, 4)}\n\n{written(right, 3)}"
    (table,) = written_layout(page, page).tables()
    assert titles(table) == rows[0]
    assert texts(table) == rows[1:] * 2
    apart = f"{written(left, 4)}\n\nOf another year:\n\n{written(right, 3)}"
    assert len(written_layout(apart).tables()) == 2


def test_a_line_that_counts_the_pages_is_no_header_of_the_rows_below_it() -> None:
    pages = []
    for number, first in enumerate((0, 4), 1):
        page = DrawnPage()
        page.row(20, ["Bank of Graz", f"Page {number}"], [40, -500])
        rows = [*([HEADER] if number == 1 else []), *ROWS[first : first + 4]]
        pages.append(drawn([(32 + 14 * n, row) for n, row in enumerate(rows)], page))
    (table,) = drawn_layout(pages).tables()
    assert titles(table) == HEADER
    assert texts(table) == ROWS


def test_lines_whose_cells_stand_too_close_to_be_told_are_rows_like_the_others() -> None:
    design = next(each for each in DESIGNS if each.name == "statement_printed")
    drawn_file = draw_document(design, "validation", "validation/777/13")
    read, _ = pdf_document.read(drawn_file.pdf)
    tables = read_layout(source_document(read.pages, read.words)).tables()
    assert max(len(texts(table)) for table in tables) == len(drawn_file.lists[0].rows) == 40


def test_a_date_and_a_code_below_each_text_are_of_its_row() -> None:
    page = DrawnPage()
    page.row(60, ["Details", "Amount"], [40, -500])
    for n in range(1, 9):
        page.row(80 + 28 * n, [f"Coffee of day number {n}", f"{n}.50"], [40, -500])
        page.row(94 + 28 * n, [f"0{n}.03.2025", f"{n}123456"], [40, 105])
    (table,) = drawn_layout([page]).tables()
    assert [row[-1] for row in texts(table)] == [f"{n}.50" for n in range(1, 9)]
    assert all(f"0{n}.03.2025" in " ".join(row) for n, row in enumerate(texts(table), 1))

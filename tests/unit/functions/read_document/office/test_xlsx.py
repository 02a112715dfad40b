from __future__ import annotations

import pytest

from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.office import sheets, xlsx
from tests.unit.functions.read_document.office_files import xlsx_of

STYLES = """<numFmts count="3"><numFmt numFmtId="164" formatCode="dd/mm/yyyy hh:mm"/>
<numFmt numFmtId="165" formatCode="[h]:mm:ss"/><numFmt numFmtId="166" formatCode='0.0" %"'/>
</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/>
<xf numFmtId="10"/><xf numFmtId="166"/><xf numFmtId="20"/></cellXfs>"""
STRINGS = """<si><t>plain</t></si><si><r><t>rich </t></r><r><t>text</t></r></si>
<si><t>日本</t><rPh><t>にほん</t></rPh></si><si><t>line_x000D_end</t></si>"""


def shown(cell: str) -> str:
    """Return what one cell is read as, beside a neighbour that makes its row a header."""
    row = f'<row r="1"><c r="A1"><v>0</v></c>{cell}</row>'
    read = xlsx.extract(xlsx_of(row, strings=STRINGS, styles=STYLES))
    first = read.pages[0].text.split("\n\n", 1)[1].split("\n")[0]
    return first.removeprefix("| 0 | ").removesuffix(" |") if first != "0" else ""


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="B1"><v>12</v></c>', "12"),
        ('<c r="B1"><v>0.30000000000000004</v></c>', "0.3"),
        ('<c r="B1"><v>1E+3</v></c>', "1000"),
        ('<c r="B1"><v>1e300</v></c>', "1e+300"),
        ('<c r="B1" t="s"><v>0</v></c>', "plain"),
        ('<c r="B1" t="s"><v>1</v></c>', "rich text"),
        ('<c r="B1" t="s"><v>2</v></c>', "日本"),
        ('<c r="B1" t="s"><v>3</v></c>', "line end"),
        ('<c r="B1" t="b"><v>1</v></c>', "TRUE"),
        ('<c r="B1" t="e"><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c r="B1" t="str"><f>A1</f><v>text</v></c>', "text"),
        ('<c r="B1" t="inlineStr"><is><t>in | line</t></is></c>', "in \\| line"),
        ('<c r="B1" t="d"><v>2025-04-01</v></c>', "2025-04-01"),
        ('<c r="B1" s="1"><v>45748</v></c>', "2025-04-01"),
        ('<c r="B1" s="2"><v>45748.5625</v></c>', "2025-04-01 13:30"),
        ('<c r="B1" s="3"><v>1.25</v></c>', "30:00:00"),
        ('<c r="B1" s="4"><v>0.125</v></c>', "12.5%"),
        ('<c r="B1" s="5"><v>12.5</v></c>', "12.5"),
        ('<c r="B1" s="6"><v>0.5</v></c>', "12:00"),
        ('<c r="B1" s="1"><v>99999999999</v></c>', "99999999999"),
        ("<c><v>5</v></c>", "5"),
        ('<c r="B1"><f>A1+1</f><v>1</v></c>', "1"),
        ('<c r="B1"/>', ""),
    ],
)
def test_a_cell_should_show_its_stored_value(cell: str, text: str) -> None:
    assert shown(cell) == text


def test_formulas_without_a_result_should_be_counted_and_said() -> None:
    row = (
        '<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>A1*2</f></c><c r="C1"><f>A1</f><v/></c>'
        '<c r="D1" t="str"><f>""</f><v></v></c></row>'
    )
    (notice,) = xlsx.extract(xlsx_of(row)).notices
    assert "the workbook has 2" in notice


def test_a_page_should_hold_500_rows_below_the_header() -> None:
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c><c r="B{n}"><v>{n * 2}</v></c></row>'
        for n in range(1, 1202)
    )
    read = xlsx.extract(xlsx_of(rows))
    assert [page.page for page in read.pages] == [1, 2, 3]
    assert [page.text.split("\n\n")[0] for page in read.pages] == ["Sheet 1"] * 3
    assert all(page.text.split("\n\n")[1].startswith("| 1 | 2 |\n| - | - |") for page in read.pages)
    assert "| 501 | 1002 |" in read.pages[0].text
    assert "| 502 | 1004 |" in read.pages[1].text
    assert "| 1201 | 2402 |" in read.pages[2].text


def test_every_sheet_should_be_a_page_and_an_empty_one_none() -> None:
    one = '<row r="1"><c r="A1"><v>1</v></c></row>'
    read = xlsx.extract(xlsx_of(one, "", one))
    assert [page.headings[0][1] for page in read.pages] == ["Sheet 1", "Sheet 3"]


def test_columns_should_stay_apart_where_cells_are_missing() -> None:
    rows = (
        '<row r="3"><c r="B3"><v>1</v></c><c r="D3"><v>2</v></c></row>'
        '<row r="5"><c r="D5"><v>3</v></c><c r="C5"><v>4</v></c></row>'
    )
    text = xlsx.extract(xlsx_of(rows)).pages[0].text
    assert text.split("\n\n")[1] == "| 1 |  | 2 |\n| - | - | - |\n|  | 4 | 3 |"


@pytest.mark.parametrize(
    "row",
    [
        '<row r="1"><c r="XFE1"><v>1</v></c></row>',
        '<row r="1"><c r="?"><v>1</v></c></row>',
        '<row r="1"><c r="A1" t="s"><v>99</v></c></row>',
        '<row r="1"><c r="A1"><v>no number</v></c></row>',
        "<row>" + "".join(f'<c s="{n * 7919 % 99991}"/>' for n in range(300_000)) + "</row>",
        '<row r="1"><c r="A1"><v>1</v></c>',
    ],
    ids=["column", "place", "string", "number", "row without end", "cut"],
)
def test_a_damaged_sheet_should_be_told(row: str) -> None:
    with pytest.raises(InvalidInput, match="damaged"):
        xlsx.extract(xlsx_of(row))


def test_a_workbook_with_too_many_cells_should_be_told() -> None:
    with pytest.raises(Unsupported, match="2,000,000 filled cells"):
        sheets.check_filled(sheets.MAX_FILLED_CELLS + 1)


def test_a_list_of_one_column_should_keep_every_row() -> None:
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(1, 41))
    text = xlsx.extract(xlsx_of(rows)).pages[0].text
    assert all(f"| {n} |" in text for n in range(1, 41))

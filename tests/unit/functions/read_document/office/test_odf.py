from __future__ import annotations

from functions.read_document.office import odf
from functions.read_document.pages import Extract
from tests.unit.functions.read_document.office_files import changed

_NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{full}:1.0"'
    for name, full in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("style", "style"),
        ("fo", "xsl-fo-compatible"),
        ("presentation", "presentation"),
    )
)


def content(kind: str, body: str, styles: str = "") -> str:
    return (
        f"<office:document-content {_NAMES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )


def odt(body: str, styles: str = "") -> Extract:
    return odf.extract(changed("incident.odt", content_xml=content("text", body, styles)))


def ods(body: str, styles: str = "") -> Extract:
    return odf.extract(changed("spares.ods", content_xml=content("spreadsheet", body, styles)))


def text(body: str, styles: str = "") -> str:
    return "\f".join(page.text for page in odt(body, styles).pages)


def test_white_space_should_be_what_is_shown() -> None:
    assert text('<text:p> a\n  b<text:s text:c="900000000"/>c<text:tab/>d</text:p>') == "a b c d"
    assert text("<text:p>a<text:line-break/>b</text:p>") == "a\nb"


def test_headings_should_keep_their_level() -> None:
    read = odt('<text:h text:outline-level="1">A</text:h><text:h text:outline-level="9">B</text:h>')
    assert [trail for _, trail in read.pages[0].headings] == ["A", "A › B"]  # noqa: RUF001


def test_lists_should_be_marked_as_their_style_says() -> None:
    style = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1"'
        ' style:num-format="i" style:num-suffix=")" text:start-value="4"/></text:list-style>'
    )
    item = "<text:list-item><text:p>{}</text:p>{}</text:list-item>"
    inner = "<text:list>" + item.format("c", "") + "</text:list>"
    body = '<text:list text:style-name="L">' + item.format("a", inner) + item.format("b", "")
    assert text(body + "</text:list>", style) == "iv) a\n\n- c\n\nv) b"


def test_tracked_deletions_and_comments_should_not_be_read() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        "<text:p>kept<office:annotation><text:p>remark</text:p></office:annotation></text:p>"
    )
    read = odt(body)
    assert read.pages[0].text == "kept"
    assert len(read.notices) == 2


def test_page_breaks_of_styles_should_part_pages_also_by_inheritance() -> None:
    styles = (
        '<style:style style:name="B"><style:paragraph-properties fo:break-before="page"/>'
        '</style:style><style:style style:name="C" style:parent-style-name="B"/>'
    )
    body = '<text:p>a</text:p><text:p text:style-name="C">b</text:p>'
    assert text(body, styles) == "a\fb"


def test_text_boxes_should_be_read_behind_their_paragraph() -> None:
    box = "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
    assert text(f"<text:p>be{box}fore</text:p>") == "before\n\nboxed"


def test_contents_should_be_left_out() -> None:
    contents = "<text:table-of-content><text:p>A 1</text:p></text:table-of-content>"
    assert text(contents + "<text:p>A</text:p>") == "A"


def test_covered_cells_should_be_empty() -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    row = "<table:table-row>{}</table:table-row>"
    covered = "<table:covered-table-cell><text:p>no</text:p></table:covered-table-cell>"
    body = row.format(cell.format("A") + covered) + row.format(cell.format("1") + cell.format("2"))
    assert text(f"<table:table>{body}</table:table>") == "| A |  |\n| - | - |\n| 1 | 2 |"


def test_claims_of_repetition_should_not_be_believed() -> None:
    empty = '<table:table-cell table:number-columns-repeated="999999999"/>'
    rows = (
        "<table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
        f"{empty}</table:table-row>"
        f'<table:table-row table:number-rows-repeated="999999999">{empty}</table:table-row>'
    )
    assert ods(f'<table:table table:name="T">{rows}</table:table>').pages[0].text == "T\n\na"


def test_cells_of_a_sheet_should_show_their_value() -> None:
    cells = (
        '<table:table-cell office:value-type="date" office:date-value="2025-04-01T00:00:00">'
        "<text:p>1. April</text:p></table:table-cell>"
        '<table:table-cell office:value-type="float" office:value="1234.5"><text:p>1.234,50'
        "</text:p></table:table-cell>"
        '<table:table-cell office:value-type="percentage" office:value="0.5"><text:p>50 %</text:p>'
        "</table:table-cell>"
        '<table:table-cell table:formula="of:=1"/>'
    )
    read = ods(
        f'<table:table table:name="T"><table:table-row>{cells}</table:table-row></table:table>'
    )
    assert "| 2025-04-01 | 1234.5 | 50 % |" in read.pages[0].text
    assert "the workbook has 1" in read.notices[0]


def test_hidden_sheets_should_be_read_and_said() -> None:
    style = (
        '<style:style style:name="H"><style:table-properties table:display="false"/></style:style>'
    )
    row = (
        "<table:table-row><table:table-cell><text:p>a</text:p></table:table-cell></table:table-row>"
    )
    body = f'<table:table table:name="Own" table:style-name="H">{row}</table:table>'
    assert ods(body, style).notices == ("Hidden sheets are read as well: Own.",)


def test_a_column_in_bold_should_be_named_values() -> None:
    styles = (
        '<style:style style:name="Heading" style:family="paragraph">'
        '<style:text-properties fo:font-weight="bold"/></style:style>'
        '<style:style style:name="P1" style:parent-style-name="Heading"/>'
    )
    cell = "<table:table-cell>{}</table:table-cell>"
    name, value = '<text:p text:style-name="P1">{}</text:p>', "<text:p>{}</text:p>"
    span = '<text:p><text:span text:style-name="P1">{}</text:span></text:p>'
    rows = [
        cell.format(name.format("Maker")) + cell.format(value.format("Voss")),
        cell.format(span.format("Head")) + cell.format(value.format("312 m")),
    ]
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    assert text(f"<table:table>{body}</table:table>", styles) == "Maker: Voss\nHead: 312 m"
    titled = f"<table:table-header-rows>{body}</table:table-header-rows>"
    assert text(f"<table:table>{titled}</table:table>", styles).startswith("| Maker | Voss |")

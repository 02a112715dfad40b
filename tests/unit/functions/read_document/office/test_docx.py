from __future__ import annotations

import pytest

from functions.read_document.office import docx
from tests.unit.functions.read_document.office_files import W, docx_of


def text(body: str, **parts: str) -> str:
    return "\f".join(page.text for page in docx.extract(docx_of(body, **parts)).pages)


def p(words: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{words}</w:t></w:r></w:p>"


def cell(words: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(words)}</w:tc>"


def table(*rows: str) -> str:
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"


STYLES = f"""<w:styles {W}>
<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Own"/><w:basedOn w:val="berschrift2"/>
<w:pPr><w:pageBreakBefore/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Body"><w:name w:val="B"/><w:basedOn w:val="berschrift2"/>
<w:pPr><w:outlineLvl w:val="9"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="Loop"><w:name w:val="L"/><w:basedOn w:val="Loop"/></w:style>
<w:style w:type="paragraph" w:styleId="Toc1"><w:name w:val="toc 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>
</w:styles>"""

NUMBERING = f"""<w:numbering {W}><w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:start w:val="3"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl>
<w:lvl w:ilvl="2"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl>
</w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num></w:numbering>"""


def item(words: str, level: int) -> str:
    return p(words, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="7"/></w:numPr>')


@pytest.mark.parametrize(
    ("properties", "trail"),
    [
        ('<w:pStyle w:val="berschrift2"/>', "A"),
        ('<w:pStyle w:val="Titel"/>', "A"),
        ('<w:outlineLvl w:val="4"/>', "A"),
        ('<w:pStyle w:val="Body"/>', None),
        ('<w:pStyle w:val="berschrift2"/><w:outlineLvl w:val="9"/>', None),
        ('<w:pStyle w:val="Loop"/>', None),
        ('<w:pStyle w:val="Unknown"/>', None),
    ],
)
def test_headings_should_be_told_by_name_or_outline(properties: str, trail: str | None) -> None:
    read = docx.extract(docx_of(p("A", properties), styles=STYLES))
    assert [title for _, title in read.pages[0].headings] == ([trail] if trail else [])


def test_a_style_based_on_a_heading_should_be_one_and_may_begin_a_page() -> None:
    read = docx.extract(
        docx_of(
            p("Part", '<w:pStyle w:val="Titel"/>') + p("New", '<w:pStyle w:val="Own"/>'),
            styles=STYLES,
        )
    )
    assert [page.text for page in read.pages] == ["Part", "New"]
    assert read.pages[1].headings == ((0, "Part › New"),)  # noqa: RUF001


def test_lists_should_be_numbered_as_word_shows_them() -> None:
    body = item("a", 0) + item("b", 1) + item("c", 1) + item("d", 2) + item("e", 0) + item("f", 1)
    assert text(body, numbering=NUMBERING).split("\n\n") == [
        "3. a",
        "3.a) b",
        "3.b) c",
        "- d",
        "4. e",
        "4.a) f",
    ]


def test_deleted_moved_and_hidden_text_should_not_be_read() -> None:
    body = (
        "<w:p><w:r><w:t>kept </w:t></w:r>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom>"
        "<w:ins><w:r><w:t>added</w:t></w:r></w:ins>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t> shown</w:t></w:r></w:p>'
    )
    read = docx.extract(docx_of(body))
    assert read.pages[0].text == "kept added shown"
    assert read.notices == ("Text that is marked as deleted is not read; places: 2.",)


def test_fields_should_show_their_result_and_not_their_code() -> None:
    body = (
        '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGEREF x'
        '</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>12</w:t>'
        '</w:r><w:r><w:fldChar w:fldCharType="end"/></w:r><w:fldSimple w:instr="DATE"><w:r><w:t>'
        " May</w:t></w:r></w:fldSimple><w:hyperlink><w:r><w:t> link</w:t></w:r></w:hyperlink></w:p>"
    )
    assert text(body) == "12 May link"


def test_merged_cells_should_stand_once_and_keep_the_columns() -> None:
    span, start, goes_on = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    body = table(
        cell("A", span) + cell("B"),
        cell("x", start) + cell("1") + cell("2"),
        cell("x", goes_on) + cell("3") + cell("4"),
    )
    assert text(body).split("\n") == [
        "| A |  | B |",
        "| - | - | - |",
        "| x | 1 | 2 |",
        "|  | 3 | 4 |",
    ]


def test_a_column_formatted_as_names_should_be_named_values() -> None:
    def bold(words: str) -> str:
        return f"<w:tc><w:p><w:r><w:rPr><w:b/></w:rPr><w:t>{words}</w:t></w:r></w:p></w:tc>"

    rows = [bold("Maker") + cell("Voss"), bold("Rated head") + cell("312 m")]
    assert text(table(*rows)) == "Maker: Voss\nRated head: 312 m"
    with_header = [bold("Property") + bold("Value"), *rows]
    assert text(table(*with_header)).startswith("| Property | Value |")
    assert text(table(*rows, rows[0])).startswith("| Maker | Voss |")
    look = '<w:tblPr><w:tblLook w:firstRow="0" w:firstColumn="1"/></w:tblPr>'
    plain = table(cell("Maker:") + cell("Voss"), cell("Crew") + cell(""), cell("Head") + cell("3"))
    assert text(plain.replace("<w:tbl>", f"<w:tbl>{look}", 1)).startswith("| Maker: | Voss |")
    plain = plain.replace("<w:t></w:t>", "<w:t>A. Berg</w:t>")
    named = text(plain.replace("<w:tbl>", f"<w:tbl>{look}", 1))
    assert named == "Maker: Voss\nCrew: A. Berg\nHead: 3"


def test_a_table_in_a_cell_should_be_read_within_it() -> None:
    inner = table(cell("i1") + cell("i2"), cell("i3") + cell("i4"))
    body = table(cell("A") + cell("B"), cell("C") + f"<w:tc>{inner}{p('')}</w:tc>")
    assert "i1" in text(body)
    assert "i4" in text(body)
    assert text(body).startswith("| A | B |")


def test_a_table_of_one_column_should_be_paragraphs() -> None:
    assert text(table(cell("Mind the gap."), cell("Always."))) == "Mind the gap.\n\nAlways."


def test_a_deleted_row_should_not_be_read() -> None:
    gone = f"<w:trPr><w:del/></w:trPr>{cell('x')}{cell('y')}"
    assert "x" not in text(table(cell("A") + cell("B"), gone, cell("1") + cell("2")))


@pytest.mark.parametrize(
    "middle",
    [
        '<w:p><w:r><w:t>a</w:t><w:br w:type="page"/><w:t>b</w:t></w:r></w:p>',
        p("a") + p("b", "<w:pageBreakBefore/>"),
        p("a", "<w:sectPr/>") + p("b"),
    ],
)
def test_explicit_page_breaks_should_part_pages(middle: str) -> None:
    assert text(middle) == "a\fb"


def test_what_is_no_page_break_should_not_part_pages() -> None:
    body = (
        p("a", '<w:sectPr><w:type w:val="continuous"/></w:sectPr>')
        + "<w:p><w:r><w:lastRenderedPageBreak/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>"
    )
    assert text(body) == "a\n\nb\nc"


def test_a_table_of_contents_should_be_left_out() -> None:
    gallery = '<w:docPartObj><w:docPartGallery w:val="Table of Contents"/></w:docPartObj>'
    body = (
        f"<w:sdt><w:sdtPr>{gallery}</w:sdtPr><w:sdtContent>{p('Pumps 12')}</w:sdtContent></w:sdt>"
        + p("Valves 14", '<w:pStyle w:val="Toc1"/>')
        + p("Text")
    )
    assert text(body, styles=STYLES) == "Text"


def test_controls_should_be_read_unless_they_only_prompt() -> None:
    control = "<w:sdt><w:sdtPr>{}</w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    body = control.format("", p("Filled")) + control.format("<w:showingPlcHdr/>", p("Click here"))
    assert text(body) == "Filled"


def test_notes_should_stand_at_the_end_of_their_page() -> None:
    def noted(words: str, kind: str, identifier: int) -> str:
        reference = f'<w:{kind}Reference w:id="{identifier}"/>'
        return f"<w:p><w:r><w:t>{words}</w:t>{reference}</w:r></w:p>"

    footnotes = f"""<w:footnotes {W}><w:footnote w:id="5">{p("foot")}</w:footnote></w:footnotes>"""
    endnotes = f"""<w:endnotes {W}><w:endnote w:id="5">{p("end")}</w:endnote></w:endnotes>"""
    body = noted("A", "footnote", 5) + noted("B", "endnote", 5) + noted("C", "footnote", 6)
    body += p("D", "<w:pageBreakBefore/>")
    shown = text(body, footnotes=footnotes, endnotes=endnotes)
    assert shown == "A[1]\n\nB[i]\n\nC\n\n[1] foot\n\n[i] end\fD"


def test_an_attack_by_page_breaks_should_make_few_pages() -> None:
    body = '<w:p><w:r><w:t>a</w:t><w:br w:type="page"/></w:r></w:p>' * 6_000
    assert len(docx.extract(docx_of(body)).pages) <= 5_000


def test_a_column_span_should_not_be_believed() -> None:
    body = table(cell("A", '<w:gridSpan w:val="999999999"/>') + cell("B"), cell("1") + cell("2"))
    assert text(body).split("\n")[0].count("|") <= 65

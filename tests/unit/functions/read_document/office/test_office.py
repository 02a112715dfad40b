"""Office files as a whole: what they are, what each sample is read as, and what is turned down."""

from __future__ import annotations

import contextlib
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika as detect
from functions.read_document.file_types.formats import Identify
from tests.data.formats import golden, make_office
from tests.unit.functions.read_document.office_files import (
    W,
    changed,
    docx_of,
    packed,
    sample,
    unpacked,
    xlsx_of,
)

NAMES = sorted(make_office.MAKERS)
OFFICE = [name for name in NAMES if name.endswith(("docx", "pptx", "xlsx"))]
ZIPPED = [name for name in NAMES if not name.endswith("rtf")]
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)
MAIN_PART = {
    "maintenance-plan.docx": "word/document.xml",
    "induction.pptx": "ppt/slides/slide2.xml",
    "generation-2024.xlsx": "xl/worksheets/sheet1.xml",
    "incident.odt": "content.xml",
    "spares.ods": "content.xml",
    "open-day.odp": "content.xml",
    "history.epub": "OEBPS/book.opf",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_should_be_read_as_is_written_down(name: str) -> None:
    kept = json.loads((golden.GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert golden.read(name) == kept


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_a_heading_should_stand_where_it_is_said_to_be(name: str) -> None:
    for page in golden.read(name)["pages"]:
        for offset, trail in page["headings"]:
            title = trail.split(" › ")[-1]  # noqa: RUF001
            assert page["text"].startswith((title, "| "), offset)


def test_the_samples_of_the_demo_should_be_the_ones_that_are_tested() -> None:
    for name in make_office.FOR_THE_DEMO:
        assert (make_office.SAMPLES / name).read_bytes() == sample(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("claimed", ["x.pdf", "x.txt", "x", "x.docx", "x.zip", "x.html"])
def test_the_name_should_not_decide(name: str, claimed: str, identify: Identify) -> None:
    assert (
        extract(sample(name), claimed, identify).pages[0].text
        == extract(sample(name), name, identify).pages[0].text
    )


@pytest.mark.parametrize("name", ZIPPED)
def test_entities_should_be_refused(name: str, identify: Identify) -> None:
    parts = unpacked(sample(name))
    part = MAIN_PART[name]
    body = parts[part].decode().partition("?>")[2] or parts[part].decode()
    for text in (LAUGHS + body, (LAUGHS + body).replace("UTF-8", "UTF-16")):
        for encoding in ("utf-8", "utf-16"):
            hostile = packed({**parts, part: text.encode(encoding)})
            with pytest.raises(InvalidInput, match="not safe to read"):
                extract(hostile, name, identify)


@pytest.mark.parametrize("encoding", ["UTF-7", "EBCDIC-CP-US", "UCS-4"])
def test_an_encoding_that_could_hide_entities_should_be_refused(
    encoding: str, identify: Identify
) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><w:document {W}/>'
    with pytest.raises(InvalidInput, match="encoding"):
        extract(changed("maintenance-plan.docx", word__document_xml=text), "a", identify)


@pytest.mark.parametrize("name", OFFICE)
def test_macros_should_be_refused(name: str, identify: Identify) -> None:
    folder = MAIN_PART[name].partition("/")[0]
    hostile = packed({**unpacked(sample(name)), f"{folder}/vbaProject.bin": b"\xd0\xcf"})
    with pytest.raises(Unsupported, match="macros") as caught:
        extract(hostile, name, identify)
    assert "without them" in caught.value.message


@pytest.mark.parametrize(
    "kind",
    [
        "ms-word.document.macroEnabled.main",
        "ms-word.template.macroEnabledTemplate.main",
        "ms-excel.sheet.macroEnabled.main",
        "ms-powerpoint.presentation.macroEnabled.main",
        "ms-powerpoint.slideshow.macroEnabled.main",
    ],
)
def test_a_type_with_macros_should_be_refused_under_any_name(kind: str, identify: Identify) -> None:
    types = f'<Types><Override PartName="/x" ContentType="application/vnd.{kind}+xml"/></Types>'
    with pytest.raises(Unsupported, match="macros"):
        extract(packed({"[Content_Types].xml": types}), "harmless.docx", identify)


def test_macros_of_opendocument_should_be_refused(identify: Identify) -> None:
    hostile = changed("incident.odt", Basic__Standard__Module1_xml="<x/>")
    with pytest.raises(Unsupported, match="macros"):
        extract(hostile, "a.odt", identify)
    harmless = changed("incident.odt", Basic__Standard__script="")
    parts = {**unpacked(harmless), "Basic/Standard/script-lb.xml": b"<x/>"}
    del parts["Basic/Standard/script"]
    assert extract(packed(parts), "a.odt", identify).pages


@pytest.mark.parametrize(
    ("stream", "advice"),
    [
        ("EncryptedPackage", "password"),
        ("WordDocument", r"\.docx"),
        ("Workbook", r"\.xlsx"),
        ("PowerPoint Document", r"\.pptx"),
    ],
)
def test_what_office_wrote_long_ago_or_locked_should_be_told(
    stream: str, advice: str, identify: Identify
) -> None:
    data = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + stream.encode("utf-16-le") + bytes(600)
    with pytest.raises(Unsupported, match=advice):
        extract(data, "a.docx", identify)


def test_a_locked_opendocument_file_should_be_told(identify: Identify) -> None:
    manifest = "<manifest><encryption-data/></manifest>"
    parts = {**unpacked(sample("incident.odt")), "META-INF/manifest.xml": manifest.encode()}
    with pytest.raises(Unsupported, match="password"):
        extract(packed(parts), "a.odt", identify)


def test_a_protected_book_should_be_told(identify: Identify) -> None:
    locked = '<encryption><CipherReference URI="OEBPS/text/two.xhtml"/></encryption>'
    parts = {**unpacked(sample("history.epub")), "META-INF/encryption.xml": locked.encode()}
    with pytest.raises(Unsupported, match="DRM"):
        extract(packed(parts), "a.epub", identify)
    fonts = locked.replace("text/two.xhtml", "font.otf")
    assert extract(
        packed({**parts, "META-INF/encryption.xml": fonts.encode()}), "a.epub", identify
    ).pages


@pytest.mark.parametrize("name", ZIPPED)
def test_a_part_that_leads_out_of_the_file_should_be_refused(name: str, identify: Identify) -> None:
    with pytest.raises(InvalidInput, match="leads out of it"):
        extract(packed({**unpacked(sample(name)), "../../evil.xml": b"x"}), name, identify)


@pytest.mark.parametrize("name", ZIPPED)
def test_pictures_should_never_be_opened(name: str, identify: Identify) -> None:
    parts = dict(unpacked(sample(name)))
    folder = MAIN_PART[name].partition("/")[0]
    parts[f"{folder}/media/bomb.png"] = b"\x89PNG\r\n\x1a\n" + bytes(200)
    assert extract(packed(parts), name, identify).pages


@pytest.mark.parametrize("name", OFFICE)
def test_an_office_file_that_lacks_parts_should_be_damaged(name: str, identify: Identify) -> None:
    parts = unpacked(sample(name))
    for gone in ("_rels/.rels", MAIN_PART[name].split("/")[0] + "/"):
        left = {part: data for part, data in parts.items() if not part.startswith(gone)}
        with pytest.raises(HeadraceError):
            extract(packed(left), name, identify)


def test_a_dangling_relation_should_not_make_a_file_unreadable(identify: Identify) -> None:
    parts = unpacked(sample("maintenance-plan.docx"))
    relations = parts["word/_rels/document.xml.rels"].replace(
        b"</Relationships>",
        b'<Relationship Id="r0" Type="x/image" Target="../NULL"/>'
        b'<Relationship Id="r1" Type="x/image" Target="http://127.0.0.1:1/x"'
        b' TargetMode="External"/>'
        b"</Relationships>",
    )
    read = extract(packed({**parts, "word/_rels/document.xml.rels": relations}), "a", identify)
    assert read.pages[0].text.startswith("Maintenance plan 2026")


def test_a_template_should_be_read_as_a_document(identify: Identify) -> None:
    for name in ("maintenance-plan.docx", "induction.pptx", "generation-2024.xlsx"):
        parts = unpacked(sample(name))
        for kind in (b"document.main", b"presentation.main", b"sheet.main"):
            parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
                kind, b"template.main"
            )
        assert extract(packed(parts), name, identify).pages


def test_the_strict_variant_should_be_told(identify: Identify) -> None:
    parts = unpacked(sample("maintenance-plan.docx"))
    parts["_rels/.rels"] = parts["_rels/.rels"].replace(
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        b"http://purl.oclc.org/ooxml/officeDocument/relationships",
    )
    with pytest.raises(Unsupported, match="Strict"):
        extract(packed(parts), "a.docx", identify)


def test_deep_nesting_should_be_damaged_and_not_a_fault(identify: Identify) -> None:
    deep = "<w:tbl><w:tr><w:tc>" * 500 + "</w:tc></w:tr></w:tbl>" * 500
    with pytest.raises(HeadraceError):
        extract(docx_of(deep), "a.docx", identify)


@pytest.mark.parametrize(
    "empty", [docx_of(""), docx_of("<w:p/>"), xlsx_of(""), xlsx_of("<row r='1'/>")]
)
def test_an_office_file_without_text_should_be_told(empty: bytes, identify: Identify) -> None:
    with pytest.raises(InvalidInput, match="holds no text"):
        extract(empty, "a", identify)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_a_cut_or_scratched_file_should_be_read_or_refused_but_never_a_fault(
    name: str, data: st.DataObject
) -> None:
    whole = bytearray(sample(name))
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(1, len(whole) - 1)) :]
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=3)):
        whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(HeadraceError):
        assert extract(bytes(whole), name, detect).pages


@pytest.mark.parametrize("name", ZIPPED)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_scratched_xml_should_be_read_or_refused_but_never_a_fault(
    name: str, data: st.DataObject
) -> None:
    parts = unpacked(sample(name))
    part = data.draw(st.sampled_from(sorted(p for p in parts if p.endswith((".xml", ".rels")))))
    text = bytearray(parts[part] or b" ")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 40))] = data.draw(
            st.sampled_from([b"", b'"', b"<", b">", b"x", b"9" * 12, b"/>", b"&a;", b"-1"])
        )
        text = text or bytearray(b" ")
    with contextlib.suppress(HeadraceError):
        assert extract(packed({**parts, part: bytes(text)}), name, detect).pages


def test_a_sheet_that_claims_everything_should_cost_nothing(identify: Identify) -> None:
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row>'
    data = xlsx_of('<row r="1"><c r="A1"><v>1</v></c></row>' + far)
    tracemalloc.start()
    try:
        read = extract(data, "a.xlsx", identify)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "far" in read.pages[0].text
    assert peak < 20 * 1024 * 1024

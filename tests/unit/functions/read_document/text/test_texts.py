"""JSON, XML, mail, source code and archives: samples, hostile ones, and any bytes at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from functions.read_document import mail
from functions.read_document.archive import zip_listing
from functions.read_document.extraction import extract
from functions.read_document.file_types.detection import identify_by_magika as by_magika
from functions.read_document.file_types.formats import Identify
from functions.read_document.pages import Extract
from functions.read_document.text import json_values, nested_values, plain_text, xml_values
from tests.data.formats import golden, make_texts
from tests.soak import often

REFUSED: dict[str, tuple[type[HeadraceError], str]] = {
    "deep.json": (InvalidInput, "more than 64 deep"),
    "deep-objects.json": (InvalidInput, "more than 64 deep"),
    "cut.json": (InvalidInput, "line 4, column 1"),
    "deep.xml": (InvalidInput, "more than 64 deep"),
    "laughs.xml": (Unsupported, "document type"),
    "external.xml": (Unsupported, "document type"),
    "cut.xml": (InvalidInput, "mismatched tag at line 2, column"),
    "nested.eml": (Unsupported, "the limit is 100"),
    "traversal.zip": (InvalidInput, "leads out of it"),
    "absolute.zip": (InvalidInput, "leads out of it"),
    "bomb.zip": (InvalidInput, "times its size"),
    "empty.zip": (InvalidInput, "holds no files"),
    "litter.zip": (InvalidInput, "holds no files"),
    "cut.zip": (InvalidInput, "damaged"),
}


def text_of(found: Extract) -> str:
    return found.pages[0].text


@pytest.mark.parametrize("name", sorted(make_texts.samples()))
def test_a_sample_should_be_read_as_it_was_written_down(name: str) -> None:
    assert (golden.HERE / name).read_bytes() == make_texts.samples()[name]
    kept = json.loads((golden.GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert golden.read(name) == kept


@pytest.mark.parametrize(
    "doctype", ["<!DOCTYPE a>", '<!DOCTYPE a SYSTEM "a.dtd">', '<!DOCTYPE a PUBLIC "b" "c:d">']
)
def test_xml_that_only_names_its_document_type_should_be_read(doctype: str) -> None:
    read = xml_values.extract(f"{doctype}<a><b>Height</b><c>3 m &amp; more</c></a>".encode())
    assert text_of(read) == "b: Height\nc: 3 m & more"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ('<!DOCTYPE a [<!ATTLIST b x CDATA "grows">]><a><b/></a>', Unsupported),
        ('<!DOCTYPE a SYSTEM "a.dtd" []><a><b/></a>', Unsupported),
        ('<!DOCTYPE a SYSTEM "a.dtd"><a>&nbsp;</a>', InvalidInput),
        ('<!DOCTYPE a SYSTEM "a.dtd"><a b="&nbsp;"/>', InvalidInput),
    ],
)
def test_xml_that_needs_its_document_type_should_be_refused(
    data: str, error: type[HeadraceError]
) -> None:
    with pytest.raises(error):
        xml_values.extract(data.encode())


@pytest.mark.parametrize("name", sorted(make_texts.hostile()))
def test_a_hostile_sample_should_be_refused_with_a_reason(name: str, identify: Identify) -> None:
    error, words = REFUSED[name]
    data = (make_texts.HOSTILE / name).read_bytes()
    assert data == make_texts.hostile()[name]
    with pytest.raises(error, match=words):
        extract(data, name, identify)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('{"a": {"b": [1, true, null]}}', "a.b: 1, true, null"),
        ('{"a": 1e400, "b": -0.10, "c": Infinity}', "a: 1e400\nb: -0.10\nc: Infinity"),
        (f'{{"big": {"9" * 5000}}}', "big: " + "9" * 5000),
        ('[{"id": 1, "n": "x"}, {"id": 2, "n": "y"}]', "| id | n |\n| - | - |\n| 1 | x |"),
        ('["One whole sentence, which is long enough."]', "[0]: One whole sentence, which is"),
        ('{"": "x", "a.b": {"": 2}}', "x\na.b: 2"),
        ('"only text"', "only text"),
        ('{"a": "x\\ny"}', "a: x\ny"),
    ],
)
def test_json_should_be_shown_with_its_paths(written: str, shown: str) -> None:
    assert text_of(json_values.extract(written.encode())).startswith(shown)


def test_json_should_say_that_a_name_came_twice() -> None:
    found = json_values.extract(b'[{"a": 1, "a": 2}]')
    assert text_of(found) == "[0].a: 1\n[0].a: 2"
    assert "more than once" in found.notices[0]


def test_a_large_value_should_stand_under_a_heading_of_its_name() -> None:
    value = {"small": 1, "large": {f"k{n}": f"text {n}" for n in range(30)}, "last": 2}
    page = json_values.extract(json.dumps(value).encode()).pages[0]
    ((offset, title),) = page.headings
    assert (title, page.text[offset : offset + 5]) == ("large", "large")
    assert page.text[:offset] == "small: 1\nlast: 2\n\n"
    assert "k29: text 29" in page.text[offset:]


def test_long_names_should_not_make_the_text_grow_without_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "n" * 5_000
    value: Any = {f"{n}": n for n in range(300)}
    for _ in range(50):
        value = {name: value}
    assert len(text_of(json_values.extract(json.dumps(value).encode()))) < 700_000
    monkeypatch.setattr(nested_values, "MAX_CHARACTERS", 1_000)
    with pytest.raises(Unsupported, match="names of its values included"):
        json_values.extract(json.dumps(value).encode())


def test_more_json_than_can_be_parsed_at_once_should_be_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_values, "MAX_CHARACTERS", 10)
    with pytest.raises(Unsupported, match="JSON Lines"):
        json_values.extract(b'{"a": "0123456789"}')


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<a><b>x</b><c d='1'>y</c></a>", "b: x\nc.d: 1\nc: y"),
        ("<a>one <b>two</b> three</a>", "one two three"),
        ("<a><i n='1' v='x'/><i n='2' v='y'/></a>", "i\n\n| n | v |\n| - | - |\n| 1 | x |"),
        ("<x:a xmlns:x='urn:x' xml:lang='de'><x:b>t</x:b></x:a>", "b: t"),
        ("<a><b><![CDATA[1 < 2]]></b><!-- not shown --></a>", "b: 1 < 2"),
        ("<a>only</a>", "a: only"),
        ("<d><title>T</title><p>Some prose.</p></d>", "T\n\nSome prose."),
    ],
)
def test_xml_should_be_shown_with_its_paths(written: str, shown: str) -> None:
    assert text_of(xml_values.extract(written.encode())).startswith(shown)


def test_xml_should_be_read_in_the_encoding_that_it_declares() -> None:
    written = '<?xml version="1.0" encoding="windows-1251"?><a><b>Кафе</b></a>'
    assert text_of(xml_values.extract(written.encode("windows-1251"))) == "b: Кафе"
    with pytest.raises(InvalidInput, match="UTF-8"):
        xml_values.extract(b'<?xml version="1.0" encoding="no-such"?><a>x</a>')


def test_too_much_xml_should_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_values, "MAX_ELEMENTS", 3)
    with pytest.raises(Unsupported, match="elements"):
        xml_values.extract(b"<a><b/><b/><b/></a>")
    monkeypatch.setattr(xml_values, "MAX_BYTES", 3)
    with pytest.raises(Unsupported, match="MiB"):
        xml_values.extract(b"<a>x</a>")


@pytest.mark.parametrize(
    ("written", "titles"),
    [
        ("import os\n\n# The pump.\nclass Pump(Base):\n    def on(self): ...\n", ["class Pump"]),
        ("async def start():\n    pass\n", ["async def start"]),
        ("int main(int argc, char **argv)\n{\n  if (x) {}\n}\n", ["main()"]),
        ("impl<T> Pump for Tank {}\npub fn open() {}\n", ["impl<T> Pump", "pub fn open"]),
        ("CREATE TABLE IF NOT EXISTS pumps (id INT);\n", ["CREATE TABLE IF NOT EXISTS pumps"]),
        ("export default async function go() {}\n", ["export default async function go"]),
        ("[tool.x]\na = 1\n\n[[item]]\n", ["tool.x", "item"]),
        ("start() {\n  echo hi\n}\n", ["start()"]),
        ("x = 1\ny = 2\n" + "class A" + "a" * 500, []),
    ],
)
def test_source_code_should_have_its_definitions_for_headings(
    written: str, titles: list[str]
) -> None:
    assert [title for _, title in plain_text.code_page(written).headings] == titles


def test_a_heading_of_source_code_should_take_the_comment_above_along() -> None:
    page = plain_text.code_page("a = 1\n\n# Opens.\n@once\ndef go():\n    pass\n")
    ((offset, _),) = page.headings
    assert page.text[offset:].startswith("# Opens.")


def test_the_files_of_an_archive_should_be_unpacked_when_they_are_asked_for() -> None:
    found = zip_listing.extract(make_texts.samples()["papers.zip"])
    assert [(each.name, each.size) for each in found.attachments][:2] == [
        ("parts/parts.csv", 29),
        ("notes.md", 39),
    ]
    assert found.attachments[0].read() == make_texts.CSV.encode()


def test_an_archive_of_too_many_files_should_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_listing, "MAX_MEMBERS", 2)
    with pytest.raises(Unsupported, match="3 files; the limit is 2"):
        zip_listing.extract(make_texts.samples()["papers.zip"])


READERS: list[Callable[[bytes], Extract]] = [
    json_values.extract,
    xml_values.extract,
    mail.extract,
    zip_listing.extract,
    lambda data: Extract("text/x", (plain_text.code_page(data.decode("latin-1")),)),
]
BEGINNINGS = [
    b"",
    b'{"a": [',
    b"<a b='",
    b"<?xml version='1.0'?>",
    b"PK\x03\x04",
    b"From: a@b\nContent-Type: multipart/mixed; boundary=x\n\n--x\n",
    b"Content-Type: text/plain; charset=",
    b"Subject: =?utf-8?q?",
]


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None)
@given(beginning=st.sampled_from(BEGINNINGS), rest=st.binary(max_size=300))
def test_any_bytes_should_be_read_or_refused_by_a_reader(
    reader: Callable[[bytes], Extract], beginning: bytes, rest: bytes
) -> None:
    try:
        found = reader(beginning + rest)
        for attachment in found.attachments:
            attachment.read()
    except (InvalidInput, Unsupported):
        return
    assert found.pages


@settings(deadline=None)
@given(
    beginning=st.sampled_from(
        [*BEGINNINGS, b"{\\rtf1", b"%PDF-1.7", *make_texts.samples().values()]
    ),
    rest=st.binary(max_size=200),
    suffix=st.sampled_from([".json", ".csv", ".xml", ".eml", ".md", ".py", ".docx", ""]),
)
def test_any_bytes_should_be_read_or_refused_whatever_they_are_called(
    beginning: bytes, rest: bytes, suffix: str
) -> None:
    try:
        found = extract(beginning + rest, f"a{suffix}", by_magika)
    except (InvalidInput, Unsupported):
        return
    assert any(page.text.strip() for page in found.pages)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner),
        max_leaves=40,
    )
)
def test_every_word_of_any_json_should_be_in_the_text(value: Any) -> None:
    text = text_of(json_values.extract(json.dumps(value).encode()))
    words = json.dumps(value, ensure_ascii=False)
    for number in {word for word in words.split('"') if word.isascii() and word.isalnum()}:
        assert number in text


@pytest.mark.parametrize("name", sorted(make_texts.samples()))
def test_a_sample_that_was_damaged_anywhere_should_be_read_or_refused(
    name: str, identify: Identify
) -> None:
    whole = make_texts.samples()[name]
    for at in range(0, len(whole), max(1, len(whole) // often(60, 12))):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]):
            with contextlib.suppress(InvalidInput, Unsupported):
                for attachment in extract(damaged, name, identify).attachments:
                    attachment.read()


def test_a_text_of_single_bytes_should_not_be_guessed_to_have_two_a_character(
    identify: Identify,
) -> None:
    damaged = make_texts.STATION.encode() + b"\x00\x01\x00\x02\x00\x80"
    with pytest.raises(Unsupported, match="known encoding"):
        extract(damaged, "a.csv", identify)

"""Small real files of every kind, under the names that people give them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document import mail
from functions.read_document.file_types.detection import file_type
from functions.read_document.file_types.detection import identify_by_magika as by_magika
from functions.read_document.file_types.formats import Format, Identify
from functions.read_document.file_types.text_kinds import delimiter, is_mail
from tests.data.formats import make_texts
from tests.unit.functions.read_document.files import pdf

MAIL = make_texts.mail()
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
JSONL = b'{"a": 1}\n{"a": 2}\n'
TABLE = b"name,count\nbolt,12\nnut,14\n"
LOG = b"2024-01-01 10:00:00 INFO started\n2024-01-01 10:00:01 INFO stopped\n"


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b'{"name": "turbine", "kw": 410}', "a.txt", Format.JSON),
        (b"[1, 2, 3]", "a", Format.JSON),
        (b'{"a": 1,\n "b": }', "a.json", Format.JSON),
        (b"\xef\xbb\xbf" + b'{"a": 1}', "a.json", Format.JSON),
        (json.dumps([{"n": n} for n in range(9)], indent=1).encode(), "a", Format.JSON),
        (JSONL, "a", Format.JSONL),
        (JSONL, "a.json", Format.JSONL),
        (b'{"a": 1}\n', "a.jsonl", Format.JSONL),
        (b"[draft] Not JSON, only a bracket.\n", "a.txt", Format.PLAIN),
        (TABLE, "a.txt", Format.CSV),
        (b"name;count\nbolt;12\nnut;4\n", "a.csv", Format.CSV),
        (b"name\nbolt\n", "a.csv", Format.CSV),
        (b"name\tcount\nbolt\t12\nnut\t14\n", "a.csv", Format.TSV),
        (b"name\tcount\nbolt\t12\n", "a.tsv", Format.TSV),
        (LOG, "a.log", Format.PLAIN),
        (b'<?xml version="1.0"?><note><to>Ann</to></note>', "a.txt", Format.XML),
        (b"<note><to>Ann</to><body>Hello</body></note>", "a.xml", Format.XML),
        (b'<?xml version="1.0"?><html><body>Hi</body></html>', "a.xml", Format.HTML),
        (b"# Notes\n\nShort.", "a.md", Format.MARKDOWN),
        (b"# Notes about <html>\n\nText.", "a.md", Format.MARKDOWN),
        (b"<html><body><p>Hi</p></body></html>", "a.md", Format.HTML),
        (MAIL, "a.txt", Format.EML),
        (MAIL, "a.eml", Format.EML),
        (b"Subject: Hi\nFrom: a@b\n", "x", Format.EML),
        (b"Dear Ann,\n\nSubject: nothing\n", "a.txt", Format.PLAIN),
        (b"Note: one\nTo: do\n\nText", "a.txt", Format.PLAIN),
        (b"def main():\n    print('hi')\n", "a.txt", Format.PLAIN),
        (b"def main():\n    print('hi')\n", "a.py", Format.CODE),
        (b"public class A { }\n", "A.java", Format.CODE),
        (b"a: 1\n", "a.yaml", Format.CODE),
        (b"Short.", "a.txt", Format.PLAIN),
        (b"RIFF or AVI is what films were in for a long time.", "a.txt", Format.PLAIN),
        (b"", "a.txt", Format.PLAIN),
        (b"{\\rtf1\\ansi Hello}", "a.doc", Format.RTF),
        (pdf("Hello"), "a.txt", Format.PDF),
        (b"A file that begins with %PDF-1.7 is a PDF. " * 3, "a.txt", Format.PLAIN),
        (make_texts.samples()["papers.zip"], "a.txt", Format.ZIP),
        (make_texts.zipped({"whole.pdf": b"%PDF-1.7 stored"}), "a.pdf", Format.ZIP),
    ],
)
def test_a_small_file_should_be_told_by_its_content(
    content: bytes, name: str, expected: Format, identify: Identify
) -> None:
    assert file_type(content, name, identify).format is expected


def ole(stream: str) -> bytes:
    return OLE + stream.encode("utf-16-le") + bytes(100)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ole("WordDocument"), r"Word 97-2003 document \(.doc\): save it as .docx"),
        (ole("Workbook"), "save it as .xlsx"),
        (ole("PowerPoint Document"), "save it as .pptx"),
        (ole("EncryptedPackage"), "with a password: remove the password"),
        (ole("__properties_version1.0"), "Outlook message .* save it as .eml"),
        (OLE, "old Office program"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><text>Hi</text></svg>', "SVG.*PDF"),
        (b"MZ" + bytes(200), "executable.*Headrace reads PDF, Word"),
        (b"\x7fELF" + bytes(200), "Linux program"),
        (b"\x1f\x8b\x08" + bytes(50), "gzip.*pack them as ZIP"),
        (b"7z\xbc\xaf'\x1c" + bytes(50), "7-Zip archive. Unpack it"),
        (b"%!PS-Adobe-3.0\n" + b"showpage\n" * 20, "PostScript.*Export it as PDF"),
        (b"From ann@x Mon Jan  1 10:00:00 2024\nFrom: ann@x\nTo: b@x\n\nHi\n\n" * 2, "mbox"),
        (b"FORM\0\x01\0\0AIFFCOMM" + bytes(500), "AIFF sound. Save it as one of WAV"),
        (b"\xff\xf1\x50\x80\x2e\x7f\xfc" + bytes(500), "AAC sound without a container. Save"),
        (b"RIFF\0\x01\0\0AVI LIST" + bytes(500), "an AVI film. Save it as one of WAV"),
        (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9" + bytes(500), "Windows Media .* Save it as one of WAV"),
        (
            (b"G\x40\x11\x10\0" + b"\xff" * 183) * 4,
            "an MPEG transport stream. Save it as one",
        ),
        (make_texts.zipped({"A.class": b"\xca\xfe"}), "Java or Android program"),
    ],
)
def test_what_is_not_read_should_be_named_with_what_to_do(
    content: bytes, words: str, identify: Identify
) -> None:
    with pytest.raises(Unsupported, match=words) as refusal:
        file_type(content, "a.docx", identify)
    assert len(refusal.value.message) < 500, "the state machine cuts a longer reason"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_mail_below_the_line_of_its_mailbox_should_be_a_mail(
    end: str, identify: Identify
) -> None:
    lines = ["From ann@x Mon Jan  1 10:00:00 2024", "From: ann@x", "To: b@x", "Subject: Weir", ""]
    lines += ["The gate is open.", "", "From here on it stays open.", ""]
    content = end.join(lines).encode()
    assert file_type(content, "a.eml", identify).format is Format.EML
    text = mail.extract(content).pages[0].text
    assert "Subject: Weir" in text
    assert "From here on it stays open." in text


@pytest.mark.parametrize(
    ("head", "mark"),
    [
        ("a,b\n1,2\n", ","),
        ('a;b\n"1;2";3\n', ";"),
        ("a|b|c\n1|2|3\n", "|"),
        ("a,b\n1,2,3\n", ""),
        ("one line of text, with a comma\nand one without\n", ""),
        ("", ""),
        ('"open', ""),
    ],
)
def test_what_parts_columns_should_be_found(head: str, mark: str) -> None:
    assert delimiter(head) == mark


def test_two_headers_of_a_mail_should_make_one_only_where_text_may_follow() -> None:
    assert is_mail(b"From: a@b\r\nSubject: x\r\n folded\r\n\r\nText")
    assert not is_mail(b"From: a@b\nSubject: x\nand then prose\n")
    assert not is_mail(b"From: here to there\n\nText")


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([".json", ".csv", ".xml", ".eml", ".md", ".py"]))
def test_any_bytes_should_have_a_type_or_a_reason(content: bytes, suffix: str) -> None:
    with contextlib.suppress(Unsupported, InvalidInput):
        assert "/" in file_type(content, f"a{suffix}", by_magika).media_type


@pytest.mark.parametrize("unit", ["a", "0", "weir ", "sluice", "=", "|a|b|\n", "BM", "die Mühle "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("size", [4_000, 70_000])
def test_text_that_repeats_itself_should_not_be_a_disk_image(
    unit: str, encoding: str, size: int
) -> None:
    """magika takes it for ISO 9660 or BMP, which have NULs where text has none."""
    content = (unit * size)[:size].encode(encoding)
    found = file_type(content, "a.txt", by_magika)
    assert found.format in (Format.PLAIN, Format.CSV)


@pytest.mark.parametrize(
    "content",
    [
        b"BM" + (70_000).to_bytes(4, "little") + bytes(4) + b"\x36" + bytes(70_000),
        bytes(32_768) + b"\x01CD001\x01" + bytes(40_000),
    ],
    ids=["bmp", "iso"],
)
def test_a_bitmap_and_a_disk_image_should_still_be_refused(content: bytes) -> None:
    with pytest.raises(Unsupported):
        file_type(content, "a.txt", by_magika)

from __future__ import annotations

import contextlib
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.documents.pages import Block, clean, page_of
from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from functions.read_document import extraction as extracting
from functions.read_document.extraction import extract
from functions.read_document.file_types.formats import ContentGuess, Identify
from functions.read_document.text.encodings import decode
from tests.unit.functions.read_document.files import encrypted_pdf, pdf

SAMPLES = Path(__file__).parents[3] / "data" / "formats"
ENGLISH = "The turbine stands still on Sundays, and the café opens at nine o'clock. "


@pytest.mark.parametrize(
    ("content", "name", "media_type"),
    [
        (b"<html><body><h1>Hello</h1><p>A page of text.</p></body></html>", "a.txt", "text/html"),
        (pdf("Hello"), "notes.md", "application/pdf"),
        (b"# Title\n\n- one\n- two\n\nSome `code` and [a link](x).\n", "a", "text/markdown"),
        (ENGLISH.encode() * 5, "picture.png", "text/plain"),
        (b"Short.", "a.md", "text/markdown"),
        (b"name,count\nbolt,12\nnut,14\nwasher,90\n", "a.csv", "text/csv"),
    ],
    ids=["html as txt", "pdf as md", "markdown without name", "text as png", "short md", "csv"],
)
def test_a_file_is_typed_by_what_is_in_it(
    content: bytes, name: str, media_type: str, identify: Identify
) -> None:
    assert extract(content, name, identify).media_type == media_type


NOTE = """Delivery note 2025-118
Date: 2025-04-02
Serial numbers:
- SN-10023
- SN-10024
- SN-10031
Contacts: ann@example.org, ben@example.org
"""


def test_lines_of_a_text_that_looks_like_markdown_should_stay_lines(identify: Identify) -> None:
    found = extract(NOTE.encode(), "letter.txt", identify)
    assert (found.media_type, found.pages[0].text) == ("text/plain", NOTE.rstrip())
    headed = extract(f"# Delivery\n\n{NOTE}".encode(), "letter.txt", identify)
    assert headed.media_type == "text/markdown"


@pytest.mark.parametrize(
    ("content", "name", "kind", "words"),
    [
        (bytes(range(256)) * 8, "a.txt", Unsupported, "UTF-8"),
        (bytes(64), "a.txt", Unsupported, "UTF-8"),
        (encrypted_pdf(), "a.pdf", Unsupported, "password"),
        (b"%PDF-1.7\n1 0 obj\n<<", "a.pdf", InvalidInput, "damaged"),
        (b" \n\t\n ", "a.txt", InvalidInput, "no text"),
        (b"<html><script>var x = 1;</script></html>", "a.html", InvalidInput, "no text"),
        (pdf("", ""), "a.pdf", InvalidInput, "no text"),
    ],
    ids=[
        "binary", "zeros", "locked pdf", "cut pdf", "blank", "script only", "empty pages",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_a_reason(
    content: bytes, name: str, kind: type[HeadraceError], words: str, identify: Identify
) -> None:
    with pytest.raises(kind, match=words):
        extract(content, name, identify)


def test_a_truncated_pdf_is_read_or_refused_but_never_a_fault(identify: Identify) -> None:
    whole = pdf("One", "Two", "Three")
    for length in range(0, len(whole), 97):
        with contextlib.suppress(InvalidInput, Unsupported):
            assert extract(b"%PDF-1.4" + whole[8:length], "a.pdf", identify).pages


def test_more_text_than_can_be_embedded_is_refused_with_the_limit(
    identify: Identify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extracting, "MAX_CHARACTERS", 50)
    with pytest.raises(Unsupported, match="the limit is 50") as refusal:
        extract(ENGLISH.encode(), "a.txt", identify)
    assert refusal.value.limit == "50"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"],
)
def test_text_is_read_in_its_own_encoding(encoding: str, identify: Identify) -> None:
    content = (ENGLISH * 4).encode(encoding)
    assert extract(content, "a.txt", identify).pages[0].text == (ENGLISH * 4).strip()


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "gb18030"])
def test_text_of_the_far_east_is_read_in_its_own_encoding(
    encoding: str, identify: Identify
) -> None:
    text = "これは日本語の文章です。発電所の手引きを読んでください。" * 8
    assert extract(text.encode(encoding), "a.txt", identify).pages[0].text == text


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "latin-1"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<meta charset="utf-16">', "utf-8"),
        ('<meta charset="no-such-charset">', "utf-8"),
        ("", "utf-8"),
    ],
)
def test_a_page_is_read_in_the_charset_that_it_declares(head: str, encoding: str) -> None:
    word = "Кафе" if encoding == "koi8-r" else "café"
    page = f"<html><head>{head}</head><body><p>{word}</p></body></html>"
    assert word in decode(page.encode(encoding), is_html=True)


def test_zero_bytes_and_control_characters_are_dropped_from_text(identify: Identify) -> None:
    content = b"Open\x00 the\x07 valve.\x1b " + ENGLISH.encode() * 4
    assert extract(content, "a.txt", identify).pages[0].text.startswith("Open the valve. The")


def no_model(data: bytes) -> ContentGuess:
    return ContentGuess("txt", "text/plain", "text", is_text=True)


@given(st.text(max_size=300))
def test_text_is_normal_before_an_offset_is_counted(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == clean(cleaned) == unicodedata.normalize("NFC", cleaned)
    assert not {"\r", "\x00", "\ufeff"} & set(cleaned)


@given(st.lists(st.tuples(st.text(max_size=40), st.integers(0, 6)), max_size=12))
def test_headings_stand_where_their_offsets_say(found: list[tuple[str, int]]) -> None:
    page = page_of(1, [Block(text, level) for text, level in found])
    for offset, trail in page.headings:
        title = trail.rsplit(" › ", 1)[-1]  # noqa: RUF001
        assert " ".join(page.text[offset:].split()).startswith(title.lstrip("…"))
    offsets = [offset for offset, _ in page.headings]
    assert offsets == sorted(set(offsets))


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_but_never_a_fault(content: bytes) -> None:
    try:
        read = extract(content, "a.txt", no_model)
    except (InvalidInput, Unsupported):
        return
    assert any(page.text.strip() for page in read.pages)


CHILDREN = """
import os, sys
from pathlib import Path
from functions.read_document.extraction import as_utf8, extract_as, load_extractor
from functions.read_document.file_types.detection import file_type
from functions.read_document.text.language import load_model

for name in sys.argv[1:]:
    data = as_utf8(Path(name).read_bytes())
    kind = file_type(data, name, None)
    load_extractor(kind)
    if os.fork() == 0:
        before, loaded = set(sys.modules), load_model.cache_info().misses
        extract_as(data, kind)
        new = {module.partition(".")[0] for module in set(sys.modules) - before}
        print(Path(name).suffix, load_model.cache_info().misses - loaded, sorted(new & LIBRARIES))
        sys.stdout.flush()
        os._exit(0)
    os.wait()
"""


def test_a_child_that_reads_should_load_neither_the_model_of_languages_nor_a_library() -> None:
    """It would lose it, and every file pay for it again: two thirds of a second of a core."""
    files = [
        str(SAMPLES / name)
        for name in (
            "columns.pdf", "maintenance-plan.docx", "induction.pptx", "generation-2024.xlsx",
            "incident.odt", "history.epub",
        )
    ]  # fmt: skip
    libraries = "LIBRARIES = {'docx', 'pptx', 'openpyxl', 'lxml', 'py3langid', 'PIL'}"
    program = [sys.executable, "-W", "ignore", "-c", libraries + CHILDREN, *files]
    told = subprocess.run(program, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [f"{Path(name).suffix} 0 []" for name in files], told.stderr

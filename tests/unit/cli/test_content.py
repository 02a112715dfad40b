"""The command `open`."""

from __future__ import annotations

import stat
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

import pytest

from cli.documents.page_view import page_html
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace
from tests.unit.cli.test_commands import ANSWER

TEXT = "a" * 700 + "The pump hums." + "z" * 700


def page(text: str = TEXT, **fields: Any) -> dict[str, Any]:
    return {
        "document_id": "doc_a",
        "version": "v_1",
        "current": True,
        "path": "manual.md",
        "page": 2,
        "pages": 3,
        "characters": len(text),
        "start": 0,
        "end": len(text),
        "text": text,
        "headings": [],
        **fields,
    }


@pytest.fixture
def cited(fake: FakeHeadrace) -> FakeHeadrace:
    citation = {"n": 1, "document_id": "doc_a", "version": "v_1", "path": "manual.md"}
    citation |= {"page": 2, "start": 700, "end": 714, "quote": "The pump hums."}
    fake.shown["/v1/answers/ans_1"] = {"answer_id": "ans_1", "citations": [citation]}
    fake.shown["/v1/documents/doc_a/pages/2?version=v_1"] = page()
    return fake


def test_should_show_a_citation_with_what_is_around_it(
    headrace: Headrace, cited: FakeHeadrace
) -> None:
    ended = headrace("open", "ans_1", "1")
    assert ended.code == 0
    shown = ended.out.replace("\n", "")
    assert "manual.md, page 2, characters 700 to 714" in shown
    assert "…" + "a" * 600 + "The pump hums." + "z" * 600 + "…" in shown
    assert "page 2 of 3" in shown


def test_should_show_the_whole_page_on_request(headrace: Headrace, cited: FakeHeadrace) -> None:
    assert TEXT in headrace("open", "ans_1", "--whole").out.replace("\n", "")


def test_should_join_a_long_page_from_its_pieces(headrace: Headrace, fake: FakeHeadrace) -> None:
    whole = {"page": 1, "pages": 1, "characters": 6}
    fake.shown["/v1/documents/doc_a/pages/1"] = page("abc", end=3, **whole)
    fake.shown["/v1/documents/doc_a/pages/1?start=3"] = page("def", start=3, end=6, **whole)
    assert headrace("open", "doc_a", "--json").json["page"]["text"] == "abcdef"


def test_should_say_that_another_version_answers_now(
    headrace: Headrace, fake: FakeHeadrace
) -> None:
    fake.shown["/v1/documents/doc_a/pages/1?version=v_0"] = page(current=False)
    assert "Another version" in headrace("open", "doc_a", "1", "--version", "v_0").err


@pytest.mark.parametrize("asked", [("ans_1", "2"), ("manual.md",), ("doc_a", "0")])
def test_should_tell_wrong_use(headrace: Headrace, cited: FakeHeadrace, asked: tuple[str]) -> None:
    assert headrace("open", *asked).code == 2


def test_should_tell_of_an_answer_that_is_gone(headrace: Headrace, fake: FakeHeadrace) -> None:
    ended = headrace("open", "ans_9")
    assert ended.code == 1
    assert "NotFound" in ended.err


def test_should_download_the_original(
    headrace: Headrace, fake: FakeHeadrace, tmp_path: Path
) -> None:
    fake.objects["/bucket/source"] = b"a,b\r\n1,2"
    found = {"name": "a.csv", "bytes": 8, "url": f"{fake.url}/bucket/source"}
    fake.shown["/v1/documents/doc_a/original"] = found
    file = tmp_path / "b.csv"
    assert headrace("open", "doc_a", "--original", str(file)).code == 0
    assert file.read_bytes() == b"a,b\r\n1,2"
    fake.shown["/v1/documents/doc_a/original"] = {**found, "bytes": 9}
    assert headrace("open", "doc_a", "--original", str(tmp_path / "c.csv")).code == 1
    assert not (tmp_path / "c.csv").exists()


def test_should_download_captions_in_the_form_that_the_name_says(
    headrace: Headrace, fake: FakeHeadrace, tmp_path: Path
) -> None:
    fake.objects["/bucket/captions"] = b"WEBVTT\n"
    found = {"name": "a.mp4.vtt", "format": "vtt", "url": f"{fake.url}/bucket/captions"}
    fake.shown["/v1/documents/doc_a/captions?format=vtt"] = found
    file = tmp_path / "a.vtt"
    assert headrace("open", "doc_a", "--captions", str(file)).code == 0
    assert file.read_bytes() == b"WEBVTT\n"
    assert headrace("open", "doc_a", "--captions", str(tmp_path / "a.ass")).code == 2


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Addresses that the browser was sent to; files are made in a folder of the test."""
    addresses: list[str] = []

    def opens(address: str) -> bool:
        addresses.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", opens)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return addresses


def test_should_show_a_text_in_the_browser_with_the_citation_marked(
    headrace: Headrace, cited: FakeHeadrace, opened: list[str]
) -> None:
    ended = headrace("open", "ans_1", "1", "--browser", "--json")
    file = Path(ended.json["file"])
    assert opened == [file.as_uri() + "#cited"]
    assert '<mark id="cited">The pump hums.</mark>' in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("kind", ["application/pdf", "image/png"])
def test_should_show_the_picture_of_a_page_with_the_citation_marked(
    headrace: Headrace, cited: FakeHeadrace, opened: list[str], kind: str
) -> None:
    cited.shown["/v1/documents/doc_a/pages/2?version=v_1"] = page(media_type=kind)
    cited.objects["/bucket/2.png"] = b"PNG"
    picture = {"url": f"{cited.url}/bucket/2.png", "highlighted": 0}
    cited.redirects["/v1/documents/doc_a/pages/2.png?version=v_1&highlight=700-714"] = picture
    ended = headrace("open", "ans_1", "1", "--browser")
    file = Path(ended.out.strip())
    assert opened == [file.as_uri()]
    assert file.read_bytes() == b"PNG"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "nothing is marked" in ended.err


def test_should_show_the_text_of_a_page_that_cannot_be_rendered(
    headrace: Headrace, fake: FakeHeadrace, opened: list[str]
) -> None:
    shown = page(media_type="application/pdf", page=1)
    fake.shown["/v1/documents/doc_a/pages/1"] = shown
    ended = headrace("open", "doc_a", "--browser")
    assert "This is the text of the page" in ended.err
    assert opened[0].endswith("page-1.html#cited")


def test_should_name_the_file_where_there_is_no_browser(
    headrace: Headrace, cited: FakeHeadrace, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    ended = headrace("open", "ans_1", "--browser")
    assert ended.code == 0
    assert "No browser was found" in ended.err
    assert Path(ended.out.strip()).exists()


def test_should_take_one_way_of_opening(headrace: Headrace, cited: FakeHeadrace) -> None:
    assert headrace("open", "ans_1", "--browser", "--original", "a.md").code == 2


def test_should_write_text_as_html_that_does_nothing() -> None:
    table = "| Month | Note |\n| - | - |\n| May | a \\| <b> |\n| June | x |"
    text = f"Floods\n\n<script>alert(1)</script>\n\n{table}"
    start = text.index("May")
    shown = page(text, path="<i>.md", headings=[{"start": 0, "text": "Floods"}])
    html = page_html(shown, (start, text.index("x |")))
    assert "<h2>Floods</h2>" in html
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in html
    assert (
        '<tr><td><mark id="cited">May</mark></td><td><mark>a | &lt;b&gt;</mark></td></tr>' in html
    )
    assert "<tr><td><mark>June</mark></td><td>x</td></tr>" in html
    assert "<title>&lt;i&gt;.md, page 2</title>" in html
    assert "default-src 'none'" in html


def test_should_tell_how_a_citation_is_opened(headrace: Headrace, fake: FakeHeadrace) -> None:
    fake.answer = ANSWER | {"answer_id": "ans_1"}
    assert "open it: headrace open ans_1 1" in headrace("ask", "How fast?").out

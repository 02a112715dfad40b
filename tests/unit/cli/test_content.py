"""The command `open`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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


def test_should_tell_how_a_citation_is_opened(headrace: Headrace, fake: FakeHeadrace) -> None:
    fake.answer = ANSWER | {"answer_id": "ans_1"}
    assert "open it: headrace open ans_1 1" in headrace("ask", "How fast?").out

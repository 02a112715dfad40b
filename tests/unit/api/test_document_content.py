"""Opening what is cited: pages by character range, originals, versions, and earlier answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.contracts.answer_log import LoggedAnswer
from chalicelib.contracts.document_content import MAX_PAGE_CHARACTERS, MAX_WORD_CHARACTERS
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.outlines import Chapter, Outline, SpokenSentence
from chalicelib.contracts.page_times import PageTimes, TimedSpan
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.errors import Unsupported
from chalicelib.retrieval.answer.answer_log import EmbeddedAnswer
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.records import NOW, document
from tests.unit.ingest.examples import version

TEXT = "Pumps\n\nThe pump hums at 50 Hz — always."


def holding(*pages: Page, **fields: Any) -> tuple[Api, str]:
    """Return an API with a document of `pages`, and its path."""
    api = Api()
    found = document("a/manual.md", version="v_2", latest_version="v_2")
    api.records.add(found)
    kept: dict[str, Any] = {
        "document_id": found.document_id,
        "collection": "default",
        "path": "a/manual.md",
    }
    kept |= {"pages": len(pages), "sha256": "5a" * 32, "bytes": 44, "media_type": "text/markdown"}
    for name, order in (("v_1", "01"), ("v_2", "02")):
        stored = version(name, **(kept | {"order": order, "status": "ready"} | fields))
        api.records.uploads["acme", found.document_id, name] = stored
        key = f"documents/acme/{found.document_id}/{name}/pages.jsonl"
        api.batch_objects.bodies[key] = dump_lines(pages)
    return api, f"/v1/documents/{found.document_id}"


def manual(**fields: Any) -> tuple[Api, str]:
    heading = ((0, "Pumps"),)
    return holding(
        Page(page=1, text=TEXT, headings=heading), Page(page=2, text="Second."), **fields
    )


def test_should_show_a_page_as_citations_count_its_characters() -> None:
    api, path = manual()
    body = api.call("GET", f"{path}/pages/1").json_body
    assert body["text"] == TEXT
    assert (body["start"], body["end"], body["characters"]) == (0, len(TEXT), len(TEXT))
    assert (body["page"], body["pages"], body["version"], body["current"]) == (1, 2, "v_2", True)
    assert body["headings"] == [{"start": 0, "text": "Pumps"}]
    cited = api.call("GET", f"{path}/pages/1?start=7&end=28").json_body
    assert cited["text"] == TEXT[7:28]
    assert cited["headings"] == []


def with_words(api: Api, path: str, *pages: PageWords, version: str = "v_2") -> None:
    key = f"documents/acme/{path.rsplit('/', 1)[-1]}/{version}/words.jsonl"
    api.batch_objects.bodies[key] = dump_lines(pages)


def test_should_show_where_words_stand_on_the_page() -> None:
    api, path = manual(media_type="application/pdf")
    words = (WordBox(0, 5, 72, 80.5, 100, 92), WordBox(7, 10, 72, 100, 90, 112, 0.97))
    with_words(api, path, PageWords(page=1, width=595.3, height=841.9, words=words))
    body = api.call("GET", f"{path}/pages/1?words=true").json_body
    assert (body["layout"]["width"], body["layout"]["height"]) == (595.3, 841.9)
    assert body["layout"]["words"][0] == {
        "start": 0, "end": 5, "text": "Pumps", "left": 72, "top": 80.5, "right": 100, "bottom": 92,
        "confidence": None,
    }  # fmt: skip
    assert body["layout"]["words"][1]["confidence"] == 0.97
    some = api.call("GET", f"{path}/pages/1?words=true&start=6&end=8").json_body
    assert [word["text"] for word in some["layout"]["words"]] == ["The"]
    assert "layout" not in api.call("GET", f"{path}/pages/1?words=false").json_body


def test_should_show_the_words_of_a_long_page_piece_by_piece() -> None:
    text = "word " * (MAX_WORD_CHARACTERS // 5 + 1)
    api, path = holding(Page(page=1, text=text), media_type="application/pdf")
    words = tuple(WordBox(at, at + 4, 1, 2, 3, 4) for at in range(0, len(text), 5))
    with_words(api, path, PageWords(page=1, width=595, height=842, words=words))
    seen, start = 0, 0
    while start < len(text):
        body = api.call("GET", f"{path}/pages/1?words=true&start={start}").json_body
        seen, start = seen + len(body["layout"]["words"]), body["end"]
    assert seen == len(words)


@pytest.mark.parametrize(
    ("media_type", "reason"),
    [
        ("text/markdown", "no fixed place"),
        ("image/png", "upload the file again"),
        ("application/pdf", "upload the file again"),
    ],
)
def test_should_tell_why_no_words_are_known(media_type: str, reason: str) -> None:
    api, path = manual(media_type=media_type)
    layout = api.call("GET", f"{path}/pages/1?words=true").json_body["layout"]
    assert layout["words"] is None
    assert reason in layout["reason"]


def test_should_tell_of_a_page_with_too_many_words_and_of_one_that_lost_them() -> None:
    api, path = manual(media_type="application/pdf")
    with_words(api, path, PageWords(page=1, width=595, height=842, words=None))
    layout = api.call("GET", f"{path}/pages/1?words=true").json_body["layout"]
    assert "too many" in layout["reason"]
    assert api.call("GET", f"{path}/pages/2?words=true").status_code == 409


def test_should_write_a_page_as_markdown() -> None:
    api, path = manual()
    body = api.call("GET", f"{path}/pages/1?format=markdown").json_body
    assert body["text"] == "# Pumps\n\nThe pump hums at 50 Hz — always."
    assert (body["format"], body["characters"]) == ("markdown", len(TEXT))
    code, path = holding(Page(page=1, text="a = 1"), media_type="text/x-python")
    fenced = code.call("GET", f"{path}/pages/1?format=markdown").json_body["text"]
    assert fenced == "```python\na = 1\n```"


def test_should_show_an_older_version_and_say_that_it_answers_no_more() -> None:
    api, path = manual()
    body = api.call("GET", f"{path}/pages/2?version=v_1").json_body
    assert (body["text"], body["version"], body["current"]) == ("Second.", "v_1", False)


def test_should_show_a_long_page_piece_by_piece_without_losing_a_character() -> None:
    text = "Ж" * (2 * MAX_PAGE_CHARACTERS + 3)
    api, path = holding(Page(page=1, text=text))
    pieces, start = [], 0
    while start < len(text):
        body = api.call("GET", f"{path}/pages/1?start={start}").json_body
        pieces.append(body["text"])
        start = body["end"]
    assert len(pieces) == 3
    assert "".join(pieces) == text


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ("pages/0", 404, "page"),
        ("pages/3", 404, "page"),
        ("pages/x", 400, "page"),
        ("pages/-1", 400, "page"),
        ("pages/²", 400, "page"),
        ("pages/1?start=41", 400, "start"),
        ("pages/1?start=9&end=4", 400, "start"),
        ("pages/1?start=-1", 400, "start"),
        ("pages/1?end=x", 400, "end"),
        ("pages/1?version=v_9", 404, "version"),
        ("original?version=v_9", 404, "version"),
        ("pages/1?colour=red", 400, "colour"),
        ("pages/1?words=yes", 400, "words"),
        ("pages/1?format=html", 400, "format"),
    ],
)
def test_should_name_what_is_wrong_about_a_request(asked: str, status: int, field: str) -> None:
    api, path = manual()
    response = api.call("GET", f"{path}/{asked}")
    assert response.status_code == status
    assert error_of(response)["field"] == field


@pytest.mark.parametrize("asked", ["pages/1", "original", "versions", "captions", "outline"])
def test_should_show_nothing_of_another_tenant(asked: str) -> None:
    api, path = manual(media_type="audio/wav")
    response = api.call("GET", f"{path}/{asked}", key=OTHER_KEY)
    assert response.status_code == 404
    assert error_of(response)["field"] == "document_id"


def test_should_say_that_a_page_is_missing_from_a_text_that_lost_it() -> None:
    api, path = manual(pages=3)
    response = api.call("GET", f"{path}/pages/3")
    assert response.status_code == 409
    assert error_of(response)["field"] == "page"


def test_should_tell_why_a_document_without_an_answering_version_cannot_be_opened() -> None:
    api = Api()
    found = document("b.pdf", status="rejected", latest_version="v_1")
    api.records.add(found)
    response = api.call("GET", f"/v1/documents/{found.document_id}/pages/1")
    assert response.status_code == 404
    assert "its upload is rejected" in error_of(response)["message"]


def test_should_show_where_the_original_is_for_a_quarter_of_an_hour() -> None:
    api, path = manual()
    body = api.call("GET", f"{path}/original").json_body
    assert body["name"] == "manual.md"
    assert body["sha256"] == "5a" * 32
    assert body["url"].endswith("/v_2/source?900")
    assert body["expires_at"] == "2026-01-02T03:19:05Z"


def test_should_say_that_the_file_of_a_rejected_upload_was_not_kept() -> None:
    api, path = manual(sha256="", status="rejected")
    response = api.call("GET", f"{path}/original")
    assert response.status_code == 404
    assert "rejected" in error_of(response)["message"]


def test_should_send_to_the_picture_of_a_page_with_ranges_marked() -> None:
    api, path = manual(media_type="application/pdf")
    response = api.call("GET", f"{path}/pages/2.png?highlight=3-9,12-20&version=v_1")
    assert response.status_code == 302
    body = response.json_body
    assert response.headers["Location"] == body["url"]
    assert body["url"] == "https://bucket/jobs/acme/rendered/2.png?900"
    assert (body["page"], body["version"], body["highlighted"]) == (2, "v_1", 2)
    (asked,) = api.renderer.asked
    assert [(each.start, each.end) for each in asked.highlights] == [(3, 9), (12, 20)]
    assert (asked.version, asked.media_type) == ("v_1", "application/pdf")


@pytest.mark.parametrize(
    ("asked", "status", "field"),
    [
        ("3.png", 404, "page"),
        ("x.png", 400, "page"),
        ("1.png?highlight=9-3", 400, "highlight"),
        ("1.png?highlight=3", 400, "highlight"),
        ("1.png?highlight=" + ",".join(["1-2"] * 21), 400, "highlight"),
    ],
)
def test_should_name_what_is_wrong_about_a_picture(asked: str, status: int, field: str) -> None:
    api, path = manual(media_type="application/pdf")
    response = api.call("GET", f"{path}/pages/{asked}")
    assert (response.status_code, error_of(response)["field"]) == (status, field)
    assert not api.renderer.asked


def test_should_name_the_text_of_a_page_that_has_no_picture() -> None:
    api, path = manual()
    response = api.call("GET", f"{path}/pages/1.png")
    assert response.status_code == 404
    assert f"{path}/pages/1 has its text" in error_of(response)["message"]


def test_should_tell_why_a_page_could_not_be_rendered() -> None:
    api, path = manual(media_type="application/pdf")
    api.renderer.fails = Unsupported("Rendering page 1 took more than 15 s of processor time.")
    response = api.call("GET", f"{path}/pages/1.png")
    assert response.status_code == 422 or response.status_code == 400
    assert "15 s" in error_of(response)["message"]


def test_should_list_the_versions_newest_first() -> None:
    api, path = manual()
    items = api.call("GET", f"{path}/versions").json_body["items"]
    assert [(each["version"], each["current"]) for each in items] == [("v_2", True), ("v_1", False)]
    assert "key" not in json.dumps(items)


def answered(api: Api, kind: str = "answer") -> str:
    prefix = "ans_" if kind == "answer" else "srch_"
    answer = LoggedAnswer.model_validate(
        {
            "id": prefix + "01J",
            "kind": kind,
            "question": "How fast?",
            "asked_as": "How fast is the pump?",
            "answer": "It hums at 50 Hz [1].",
            "tier": "extractive",
            "cited": [
                {
                    "document_id": "doc_a",
                    "version": "v_1",
                    "path": "a",
                    "quote": "hums",
                    "page": 2,
                    "start": 5,
                    "end": 9,
                }
            ],
            "model": "minilm",
            "asked_at": NOW,
        }
    )
    api.ratings.put_answer("acme", EmbeddedAnswer(answer, b""))
    return answer.id


def test_should_show_an_answer_again_with_numbered_citations() -> None:
    api = Api()
    body = api.call("GET", f"/v1/answers/{answered(api)}").json_body
    assert body["answer"] == "It hums at 50 Hz [1]."
    (citation,) = body["citations"]
    assert (citation["n"], citation["page"], citation["quote"]) == (1, 2, "hums")


@pytest.mark.parametrize("kind", ["search", "nothing"])
def test_should_show_no_search_as_an_answer(kind: str) -> None:
    api = Api()
    asked = answered(api, "search") if kind == "search" else "ans_9"
    response = api.call("GET", f"/v1/answers/{asked}")
    assert response.status_code == 404
    assert error_of(response)["field"] == "answer_id"
    assert api.call("GET", f"/v1/answers/{answered(api)}", key=OTHER_KEY).status_code == 404


def test_should_sign_the_captions_of_a_recording_and_of_nothing_else() -> None:
    api, path = manual(media_type="video/mp4")
    found = api.call("GET", f"{path}/captions?format=srt").json_body
    assert (found["format"], found["name"]) == ("srt", "manual.md.srt")
    assert "/v_2/captions.srt" in found["url"]
    assert api.call("GET", f"{path}/captions").json_body["format"] == "vtt"
    chapters = api.call("GET", f"{path}/captions?format=chapters").json_body
    assert chapters["name"] == "manual.md.chapters.vtt"
    refused = api.call("GET", f"{path}/captions?format=ass")
    assert (refused.status_code, error_of(refused)["limit"]) == (
        400,
        "vtt or srt or chapters or txt",
    )
    api, path = manual()
    assert api.call("GET", f"{path}/captions").status_code == 404


def test_should_show_the_outline_of_a_recording_that_has_one() -> None:
    api, path = manual(media_type="video/mp4")
    older = api.call("GET", f"{path}/outline")
    assert (older.status_code, error_of(older)["field"]) == (404, "version")
    said = SpokenSentence(start_ms=500, end_ms=900, text="It hums.", speaker=2)
    chapter = Chapter(start_ms=0, end_ms=9_000, title="Pump", summary=(said,))
    key = f"{path.removeprefix('/v1/').replace('documents/', 'documents/acme/')}/v_2/outline.json"
    api.batch_objects.bodies[key] = (
        Outline(speakers=2, chapters=(chapter,)).model_dump_json().encode()
    )
    found = api.call("GET", f"{path}/outline").json_body
    assert (found["version"], found["speakers"], len(found["chapters"])) == ("v_2", 2, 1)
    assert found["chapters"][0]["summary"][0]["speaker"] == 2
    api, path = manual()
    assert api.call("GET", f"{path}/outline").status_code == 404


def test_should_show_when_words_of_a_recording_are_said_and_by_whom() -> None:
    api, path = manual(media_type="audio/mpeg")
    spans = (TimedSpan(0, 5, 100, 400, 0.9, 1), TimedSpan(7, 10, 500, 600, 0.8, 2))
    pages = [
        PageTimes(page=n, kind="speech", start_ms=0, end_ms=900, spans=spans[: 3 - n])
        for n in (1, 2)
    ]
    key = f"{path.removeprefix('/v1/').replace('documents/', 'documents/acme/')}/v_2/times.jsonl"
    api.batch_objects.bodies[key] = dump_lines(pages)
    timing = api.call("GET", f"{path}/pages/1?words=true&start=6").json_body["timing"]
    assert [(word["text"], word["start_ms"], word["speaker"]) for word in timing["words"]] == [
        ("The", 500, 2)
    ]
    assert "timing" not in api.call("GET", f"{path}/pages/1").json_body
    api.batch_objects.bodies[key] = dump_lines(pages[:1])
    assert api.call("GET", f"{path}/pages/2?words=true").status_code == 409

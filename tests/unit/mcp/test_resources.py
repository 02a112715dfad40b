"""Resources beside texts: extractions and prompts as JSON, and the times of recordings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.mcp import resources
from tests.unit.mcp.fakes import FakeApi, asked, called

PAGE = {"path": "talk.mp3", "media_type": "audio/mpeg", "page": 1, "pages": 1, "text": "Well."}
WORDS = [{"start_ms": 1_500, "end_ms": 1_900}, {"start_ms": 1_900, "end_ms": 2_400}]


def read(api: FakeApi, uri: str) -> dict[str, Any]:
    (content,) = asked(api, "resources/read", uri=uri)["result"]["contents"]
    found: dict[str, Any] = content
    return found


@pytest.mark.parametrize(
    ("uri", "route", "path"),
    [
        (
            "headrace://extractions/ext_a_1",
            "/v1/extractions/{extraction_id}",
            {"extraction_id": "ext_a_1"},
        ),
        ("headrace://collections/bills", "/v1/collections/{name}", {"name": "bills"}),
        (
            "headrace://documents/doc_a/outline",
            "/v1/documents/{document_id}/outline",
            {"document_id": "doc_a"},
        ),
        (
            "headrace://prompts/sum-up/versions/production",
            "/v1/prompts/{prompt}/versions/{version}",
            {"prompt": "sum-up", "version": "production"},
        ),
    ],
)
def test_what_a_route_shows_should_be_read_as_json(
    uri: str, route: str, path: dict[str, str]
) -> None:
    api = FakeApi({f"GET {route}": {"values": {"total": 1}, "receipt": {}}})
    content = read(api, uri)
    assert (api.calls[0].route, api.calls[0].path) == (route, path)
    assert content["mimeType"] == "application/json"
    assert json.loads(content["text"]) == {"values": {"total": 1}}


def test_a_page_of_a_recording_should_say_when_its_words_are_said() -> None:
    route = "GET /v1/documents/{document_id}/pages/{page}"
    timing = {"start_ms": 0, "end_ms": 60_000, "words": WORDS, "shown": []}
    api = FakeApi({route: {**PAGE, "timing": timing}})
    meta = read(api, "headrace://documents/doc_a/versions/v_a/pages/1/passages/0-4")["_meta"]
    assert (meta["headrace/start_ms"], meta["headrace/end_ms"]) == (1_500, 2_400)
    assert api.calls[1].query == {"start": "0", "end": "4", "version": "v_a", "words": "true"}
    api = FakeApi({route: {**PAGE, "media_type": "text/plain"}})
    assert "headrace/start_ms" not in read(api, "headrace://documents/doc_a/pages/1")["_meta"]
    assert len(api.calls) == 1


def test_a_link_to_a_recording_should_say_when_it_is_said() -> None:
    hit = {"document_id": "doc_a", "version": "v_a", "page": 1, "start": 0, "end": 9}
    hit |= {"path": "talk.mp3", "heading": "", "text": "Well."}
    api = FakeApi({"POST /v1/search": {"hits": [{**hit, "start_ms": 751_000, "end_ms": 764_200}]}})
    assert called(api, "search", query="x")["content"][1]["description"] == "00:12:31 to 00:12:44"


def test_every_template_should_be_listed_with_variables_that_it_matches() -> None:
    listed = asked(FakeApi(), "resources/templates/list")["result"]["resourceTemplates"]
    assert {each["uriTemplate"] for each in listed} == set(resources.VARIABLES)
    assert len({each["name"] for each in listed}) == len(listed) == 8

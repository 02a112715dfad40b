from __future__ import annotations

import pytest

from chalicelib.api import collections
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.records import document

YEARS = {"description": "By year.", "fields": {"year": "number", "tags": "strings"}}


def declared(api: Api, name: str = "station", **more: object) -> Api:
    assert api.call("PUT", f"/v1/collections/{name}", YEARS | more).status_code == 200
    return api


def test_should_show_what_was_declared() -> None:
    api = declared(Api())
    body = api.call("GET", "/v1/collections/station").json_body
    assert (body["declared"], body["strict"], body["description"]) == (True, False, "By year.")
    assert body["fields"] == {"year": "number", "tags": "strings"}
    assert body["tally"] == {"documents": {"total": 0}, "pages": 0, "chunks": 0, "bytes": 0}
    assert body["created_at"] == "2026-01-02T03:04:05Z"


def test_should_replace_a_declaration_whole() -> None:
    api = declared(Api())
    api.call("PUT", "/v1/collections/station", {"strict": True})
    body = api.call("GET", "/v1/collections/station").json_body
    assert (body["fields"], body["strict"], body["description"]) == ({}, True, "")


def test_should_count_by_collection_and_status() -> None:
    api = declared(Api())
    api.records.add(
        document("a.md", collection="station", pages=2, chunks=5, bytes=100),
        document("b.md", collection="station", status="failed", pages=1, chunks=2, bytes=10),
        document("c.md", pages=1, chunks=1, bytes=1),
    )
    body = api.call("GET", "/v1/collections").json_body
    assert [item["name"] for item in body["items"]] == ["default", "station"]
    assert body["partial"] is False
    default, station = body["items"]
    assert station["tally"] == {
        "documents": {"total": 2, "ready": 1, "failed": 1},
        "pages": 3,
        "chunks": 7,
        "bytes": 110,
    }
    assert (default["declared"], default["tally"]["documents"]) == (False, {"total": 1, "ready": 1})
    assert api.call("GET", "/v1/collections/default").json_body == default


def test_should_say_that_it_counted_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "MAX_COUNTED", 2)
    api = Api()
    api.records.add(*(document(f"{n}.md") for n in range(3)))
    body = api.call("GET", "/v1/collections").json_body
    assert body["partial"] is True
    assert body["items"][0]["tally"]["documents"]["total"] == 2
    assert api.call("GET", "/v1/collections/other").json_body["partial"] is True


def test_should_keep_tenants_apart() -> None:
    api = declared(Api())
    assert api.call("GET", "/v1/collections", key=OTHER_KEY).json_body["items"] == []
    assert api.call("GET", "/v1/collections/station", key=OTHER_KEY).status_code == 404


def test_should_forget_an_empty_collection_only() -> None:
    api = declared(Api())
    api.records.add(document("a.md", collection="station"))
    refused = api.call("DELETE", "/v1/collections/station")
    assert refused.status_code == 409
    assert "holds documents" in error_of(refused)["message"]
    api.records.stored["acme"].clear()
    assert api.call("DELETE", "/v1/collections/station").status_code == 204
    assert api.call("DELETE", "/v1/collections/station").status_code == 404


def test_should_not_take_a_collection_for_empty_that_it_cannot_see_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collections, "MAX_LOOKED_AT", 2)
    api = declared(Api())
    api.records.add(*(document(f"{n}.md") for n in range(3)))
    refused = api.call("DELETE", "/v1/collections/station")
    assert (refused.status_code, error_of(refused)["limit"]) == (409, "2")


def test_should_declare_no_more_than_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "MAX_DECLARED", 1)
    api = declared(Api())
    declared(api)
    refused = api.call("PUT", "/v1/collections/other", {})
    assert (refused.status_code, error_of(refused)["limit"]) == (429, "1")


@pytest.mark.parametrize(
    ("body", "field", "limit"),
    [
        ({"fields": {"year": "date"}}, "fields.year", None),
        ({"fields": {"Year": "number"}}, "fields", "[a-z][a-z0-9_]{0,39}"),
        ({"fields": {"path": "string"}}, "fields.path", None),
        ({"fields": {f"a{n}": "string" for n in range(21)}}, "fields", "20"),
        ({"description": "x" * 501}, "description", "500"),
        ({"strict": "yes"}, "strict", None),
        ({"name": "x"}, "name", None),
    ],
)
def test_should_name_what_is_wrong(body: dict[str, object], field: str, limit: str | None) -> None:
    refused = Api().call("PUT", "/v1/collections/station", body)
    error = error_of(refused)
    assert refused.status_code == 400
    assert error["field"] == field
    assert limit is None or error["limit"] == limit


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_should_refuse_a_name_that_is_none(method: str) -> None:
    body: object = {} if method == "PUT" else None
    refused = Api().call(method, "/v1/collections/Station", body)
    assert (refused.status_code, error_of(refused)["field"]) == (400, "collection")


@pytest.mark.parametrize(
    ("metadata", "field"),
    [({"year": "2024"}, "metadata.year"), ({"tags": "a"}, "metadata.tags")],
)
def test_should_hold_uploads_to_the_declared_types(metadata: dict[str, object], field: str) -> None:
    api = declared(Api())
    body = {"path": "a.md", "bytes": 1, "collection": "station", "metadata": metadata}
    refused = api.call("POST", "/v1/documents", body)
    assert (refused.status_code, error_of(refused)["field"]) == (400, field)
    elsewhere = body | {"collection": "default"}
    assert api.call("POST", "/v1/documents", elsewhere).status_code == 201


def test_should_refuse_an_undeclared_field_where_the_collection_is_strict() -> None:
    api = declared(Api(), strict=True)
    body = {"path": "a.md", "bytes": 1, "collection": "station", "metadata": {"yaer": 1}}
    error = error_of(api.call("POST", "/v1/documents", body))
    assert error["field"] == "metadata.yaer"
    assert "it has tags, year" in error["message"]


def test_should_name_a_served_model_for_pictures_and_refuse_others_by_those_there_are() -> None:
    api = declared(Api(), picture_model="emoji-clip")
    assert api.call("GET", "/v1/collections/station").json_body["picture_model"] == "emoji-clip"
    assert (
        declared(api, "plain").call("GET", "/v1/collections/plain").json_body["picture_model"]
        is None
    )
    for wrong in ("shapes-captions", "nobody"):
        answer = api.call("PUT", "/v1/collections/station", {"picture_model": wrong})
        assert (answer.status_code, error_of(answer)["field"]) == (400, "picture_model")
        assert f"no served model {wrong} embeds pictures" in error_of(answer)["message"]
        assert "there are emoji-clip, shapes-clip" in error_of(answer)["message"]
    assert api.call("PUT", "/v1/collections/station", {"picture_model": ""}).status_code == 400


def test_should_name_a_saved_extractor_for_what_arrives() -> None:
    api = Api()
    assert error_of(api.call("PUT", "/v1/collections/bills", {"extractor": "bills"}))["field"] == (
        "extractor"
    )
    schema = {"properties": {"total": {"type": "number"}}}
    api.call("POST", "/v1/extractors", {"name": "bills", "json_schema": schema})
    named = api.call("PUT", "/v1/collections/bills", {"extractor": "bills@1"})
    assert named.json_body["extractor"] == "bills@1", named.body
    assert api.call("GET", "/v1/collections/bills").json_body["extractor"] == "bills@1"
    for wrong, field in (("bills@2", "version"), ("bills@x", "extractor")):
        refused = api.call("PUT", "/v1/collections/bills", {"extractor": wrong})
        assert error_of(refused)["field"] == field


def test_should_embed_pictures_again_by_a_job_for_a_collection_that_names_a_model() -> None:
    api = declared(declared(Api(), picture_model="emoji-clip"), "plain")
    answer = api.call("POST", "/v1/collections/station/pictures")
    told = answer.json_body
    assert answer.status_code == 202, told
    assert (told["kind"], told["collection"], told["status"], told["backups"]) == (
        "embed_pictures",
        "station",
        "queued",
        [],
    )
    state = api.job_records.state("acme", told["job_id"])
    assert state is not None
    assert (state.input.model, state.input.machine) == ("emoji-clip", "reindex")
    for name in ("plain", "unknown"):
        answer = api.call("POST", f"/v1/collections/{name}/pictures")
        assert answer.status_code == 400
        assert "names no picture_model" in error_of(answer)["message"]

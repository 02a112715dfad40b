"""`POST /mcp` by the API's own views: both eras, tenants, limits, and what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import jsonschema
import pytest

from chalicelib.api.mcp import METADATA_PATH
from chalicelib.mcp.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    LEGACY_RESOURCE_NOT_FOUND,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
)
from chalicelib.mcp.tool_results import ERROR_KEY, RECEIPT_KEY
from chalicelib.mcp.versions import SERVER_INFO_KEY
from tests.unit.api.fakes import OPERATOR_KEY, OTHER_KEY, Api, error_of
from tests.unit.api.records import document
from tests.unit.mcp.messages import legacy, modern
from tests.unit.retrieval.fakes import hit


def send(api: Api, asked: tuple[dict[str, Any], dict[str, str]], **more: Any) -> Any:
    request, headers = asked
    sent = {name.replace("-", "_"): value for name, value in headers.items()}
    return api.call("POST", "/mcp", request, **{**sent, **more})


def result(api: Api, method: str, key: str | None = None, **params: Any) -> dict[str, Any]:
    more = {"key": key} if key else {}
    response = send(api, modern(method, **params), **more)
    assert response.status_code == 200, response.json_body
    found: dict[str, Any] = response.json_body["result"]
    assert found["resultType"] == "complete"
    assert found["_meta"][SERVER_INFO_KEY]["name"] == "headrace"
    return found


def called(api: Api, name: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:
    return result(api, "tools/call", key, name=name, arguments=arguments)


def error(response: Any) -> tuple[int, int]:
    return response.status_code, response.json_body["error"]["code"]


def schema_of(api: Api, name: str) -> dict[str, Any]:
    tools = result(api, "tools/list")["tools"]
    found: dict[str, Any] = next(tool for tool in tools if tool["name"] == name)["outputSchema"]
    return found


def test_discovery_should_say_versions_and_capabilities() -> None:
    found = result(Api(), "server/discover")
    assert found["supportedVersions"] == ["2026-07-28"]
    capabilities = {"tools", "resources", "prompts", "completions", "extensions"}
    assert set(found["capabilities"]) == capabilities
    assert (found["ttlMs"], found["cacheScope"]) == (3_600_000, "public")


def test_initialize_should_settle_a_version_and_keep_nothing() -> None:
    api = Api()
    response = send(api, legacy("initialize", protocolVersion="2025-06-18", capabilities={}))
    assert response.json_body["result"]["protocolVersion"] == "2025-06-18"
    assert "mcp-session-id" not in {name.lower() for name in response.headers}
    notification = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    accepted = api.call("POST", "/mcp", notification)
    assert (accepted.status_code, accepted.body) == (202, b"")
    listed = send(api, legacy("tools/list")).json_body["result"]
    assert {"search", "ask"} <= {tool["name"] for tool in listed["tools"]}
    assert not {"resultType", "ttlMs"} & listed.keys()


def test_a_search_should_be_that_of_the_route_with_its_receipt_apart() -> None:
    api = Api([hit("The turbine was made by Voss Hydro.", start=9)])
    whole = api.call("POST", "/v1/search", {"query": "turbine"}).json_body
    found = called(api, "search", query="turbine")
    assert found["structuredContent"] == {k: v for k, v in whole.items() if k != "receipt"}
    assert found["_meta"][RECEIPT_KEY] == whole["receipt"]
    jsonschema.Draft202012Validator(schema_of(api, "search")).validate(found["structuredContent"])
    text, link = found["content"]
    assert "Voss Hydro" in text["text"]
    assert link["uri"].endswith("/passages/9-44")
    odd = called(api, "search", query="tur\N{REPLACEMENT CHARACTER}bine")
    assert not odd.get("isError"), odd


def test_a_wrong_argument_should_be_a_result_that_says_field_limit_and_fix() -> None:
    api = Api()
    cases: tuple[tuple[dict[str, Any], str, str | None], ...] = (
        ({"query": "x", "top_k": 3_000}, "top_k", "1000"),
        ({}, "query", None),
        ({"query": "x", "words": 1}, "words", "query, collection"),
    )
    for arguments, field, limit in cases:
        found = called(api, "search", **arguments)
        assert found["isError"] is True
        told = found["_meta"][ERROR_KEY]
        assert (told["type"], told["field"]) == ("InvalidInput", field)
        assert (told["limit"] or "").startswith(limit or "")
        assert told["fix"] in found["content"][0]["text"]
        assert "structuredContent" not in found


def test_a_small_file_should_be_written_as_its_form_would_upload_it() -> None:
    api = Api()
    found = called(api, "put_document", path="a/b.md", text="# Ü", collection="station")
    key = "inbox/acme/station/a/b.md"
    assert api.written == {key: ("# Ü".encode(), {})}
    assert found["structuredContent"]["uploaded"] is True
    jsonschema.Draft202012Validator(schema_of(api, "put_document")).validate(
        found["structuredContent"]
    )
    encoded = base64.b64encode(b"\x00\xff").decode()
    called(api, "put_document", path="a/b.bin", base64=encoded)
    assert api.written["inbox/acme/default/a/b.bin"][0] == b"\x00\xff"
    form = called(api, "put_document", path="a/c.bin", bytes=1_000)["structuredContent"]
    assert form["upload"]["fields"]["key"] == "inbox/acme/default/a/c.bin"
    assert len(api.written) == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "text"),
        ({"base64": "???"}, "base64"),
        ({"text": "a", "base64": "YQ=="}, "base64"),
        ({"text": 7}, "text"),
        ({"text": ""}, "bytes"),
        ({"text": "x" * 1_001}, "bytes"),
        ({"text": "x" * 3_000_001}, "text"),
        ({"text": "a", "metadata": {"A": 1}}, "metadata"),
    ],
)
def test_a_file_that_is_not_taken_should_be_told_by_its_argument(
    arguments: dict[str, Any], field: str
) -> None:
    api = Api()
    found = called(api, "put_document", path="a.txt", **arguments)
    assert found["isError"] is True
    assert found["_meta"][ERROR_KEY]["field"].startswith(field)
    assert api.written == {}


def test_a_tenant_should_see_its_own_documents_alone() -> None:
    api = Api()
    mine = document("a.md")
    api.records.add(mine)
    uri = f"headrace://documents/{mine.document_id}"
    assert [each["uri"] for each in result(api, "resources/list")["resources"]] == [uri]
    assert called(api, "get_document", document_id=mine.document_id)["isError"] is False
    assert result(api, "resources/list", OTHER_KEY)["resources"] == []
    theirs = called(api, "get_document", OTHER_KEY, document_id=mine.document_id)
    assert theirs["_meta"][ERROR_KEY]["type"] == "NotFound"
    read = send(api, modern("resources/read", uri=uri), key=OTHER_KEY)
    assert error(read) == (400, INVALID_PARAMS)
    assert read.json_body["error"]["data"] == {"uri": uri}


def test_a_document_should_be_deleted_with_what_it_had() -> None:
    api = Api()
    mine = document("a.md")
    api.records.add(mine)
    theirs = called(api, "delete_document", OTHER_KEY, document_id=mine.document_id)
    assert theirs["_meta"][ERROR_KEY]["fix"] == "Look document_id up by the tool list_documents."
    found = called(api, "delete_document", document_id=mine.document_id)["structuredContent"]
    assert (found["deleted"]["document_id"], found["job"]) == (mine.document_id, None)
    jsonschema.Draft202012Validator(schema_of(api, "delete_document")).validate(found)
    assert called(api, "get_document", document_id=mine.document_id)["isError"] is True


def test_versions_of_models_should_take_the_key_of_an_operator() -> None:
    api = Api()
    verdict: dict[str, Any] = {"group": "headrace-test-vae", "number": 1, "state": "approved"}
    refused = called(api, "decide_on_model_version", **verdict)
    told = refused["_meta"][ERROR_KEY]
    assert (told["type"], told["field"]) == ("NotPermitted", "Authorization")
    assert "operator's API key" in told["fix"]
    listed = called(api, "list_model_versions", OPERATOR_KEY)["structuredContent"]["items"]
    verdict["group"] = listed[0]["group"]
    decided = called(api, "decide_on_model_version", OPERATOR_KEY, **verdict)["structuredContent"]
    assert (decided["number"], decided["state"]) == (1, "approved")


def test_resources_should_be_listed_a_page_at_a_time_by_a_cursor_of_the_api() -> None:
    api = Api()
    api.records.add(*(document(f"{n}.md") for n in range(120)))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = result(api, "resources/list", **cursor)
        seen += [each["uri"] for each in page["resources"]]
        cursor = {"cursor": page["nextCursor"]} if "nextCursor" in page else {}
    assert (len(seen), len(set(seen)), cursor) == (120, 120, {})


@pytest.mark.parametrize("cursor", ["x", "x" * 513, "", "e30", "../..", {"a": 1}, 7])
def test_a_hostile_cursor_should_be_refused(cursor: Any) -> None:
    for method in ("resources/list", "prompts/list", "tools/list", "resources/templates/list"):
        response = send(Api(), modern(method, cursor=cursor))
        assert error(response) == (400, INVALID_PARAMS), method
        assert len(response.body) < 1_000


@pytest.mark.parametrize(
    "uri",
    [
        "test://none",
        "headrace://documents/../keys",
        "headrace://documents/doc_a/pages/0x1",
        "headrace://documents/doc_a",
        "headrace://documents/doc_a/pages/1/passages/0-9",
        "file:///etc/passwd",
    ],
)
def test_a_resource_that_is_not_there_should_be_refused_in_the_words_of_each_era(uri: str) -> None:
    now = send(Api(), modern("resources/read", uri=uri))
    assert error(now) == (400, INVALID_PARAMS)
    before = send(Api(), legacy("resources/read", uri=uri))
    assert error(before) == (200, LEGACY_RESOURCE_NOT_FOUND)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, PARSE_ERROR),
        (b"[]", 400, INVALID_REQUEST),
        (json.dumps([modern("tools/list")[0]] * 2).encode(), 400, INVALID_REQUEST),
        (b"{}", 400, INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/steal"}', 200, METHOD_NOT_FOUND),
    ],
)
def test_a_malformed_message_should_be_answered_in_json_rpc(
    body: bytes, status: int, code: int
) -> None:
    assert error(Api().call("POST", "/mcp", body)) == (status, code)


def test_headers_versions_methods_and_tools_that_are_unknown_should_be_refused() -> None:
    api = Api()
    request, headers = modern("tools/list")
    for asked, status, code in (
        ((request, {**headers, "mcp-method": "prompts/list"}), 400, HEADER_MISMATCH),
        (
            (legacy("tools/list")[0], {"mcp-protocol-version": "1999-01-01"}),
            400,
            UNSUPPORTED_VERSION,
        ),
        (modern("initialize"), 404, METHOD_NOT_FOUND),
        (modern("subscriptions/listen"), 404, METHOD_NOT_FOUND),
        (modern("tools/call", name="steal", arguments={}), 400, INVALID_PARAMS),
        (modern("tools/call", name="search", arguments=[]), 400, INVALID_PARAMS),
        (modern("prompts/get", name="none"), 400, INVALID_PARAMS),
    ):
        response = send(api, asked)
        assert error(response) == (status, code)
        assert response.json_body["id"] == 1


def test_pages_of_other_origins_should_not_call() -> None:
    api = Api()
    asked = modern("tools/list")
    for origin in ("https://evil.example", "null", "http://api.example.evil"):
        refused = send(api, asked, origin=origin, host="api.example")
        assert (refused.status_code, error_of(refused)["type"]) == (403, "Forbidden")
    for origin in ("https://api.example", "http://API.example"):
        assert send(api, asked, origin=origin, host="api.example").status_code == 200


def test_a_client_that_reads_no_json_should_be_told_so() -> None:
    asked = modern("tools/list")
    assert error(send(Api(), asked, accept="text/html")) == (406, INVALID_REQUEST)
    for accepted in ("application/json, text/event-stream", "*/*", "application/json;q=0.9"):
        assert send(Api(), asked, accept=accepted).status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_should_be_no_stream_and_no_session_to_end(method: str) -> None:
    response = Api().call(method, "/mcp")
    assert response.status_code == 405


def test_the_metadata_should_name_the_resource_without_a_key() -> None:
    for path in (METADATA_PATH, f"{METADATA_PATH}/mcp"):
        told = Api().call("GET", path, key=None, host="api.example").json_body
        assert told["resource"].startswith("https://api.example")
        assert told["resource"].endswith("/mcp")
        assert told["bearer_methods_supported"] == ["header"]

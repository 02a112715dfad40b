"""Tools: their list, the routes that they call, and their results and errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from chalicelib.api import mcp
from chalicelib.mcp.tool import McpTool
from chalicelib.mcp.tool_results import ERROR_KEY, LISTS, RECEIPT_KEY
from chalicelib.mcp.tools import TOOLS
from tests.unit.mcp.fakes import FakeApi, asked, called, refusal

LISTED: list[dict[str, Any]] = json.loads(
    Path(mcp.__file__).with_name("mcp_tools.json").read_bytes()
)["tools"]
RECEIPT = {"lines": [], "dollars": "0.000001"}


def test_every_tool_should_be_listed_as_it_is_called() -> None:
    assert [each["name"] for each in LISTED] == [tool.name for tool in TOOLS]
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)
    for tool, listed in zip(TOOLS, LISTED, strict=True):
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", tool.name)
        assert set(listed["inputSchema"]["properties"]) == {each.name for each in tool.arguments}
        assert listed["annotations"]["readOnlyHint"] is tool.read_only
        for schema in (listed["inputSchema"], listed["outputSchema"]):
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
            assert "receipt" not in schema["properties"]
            assert "components/schemas" not in json.dumps(schema)


def test_the_list_should_be_small_enough_for_a_model_to_read() -> None:
    told = [(each["description"], each["inputSchema"]) for each in LISTED]
    assert len(json.dumps(told)) < 32_000
    # Results are for programs: models are seldom told their schemas.
    assert len(json.dumps(LISTED)) < 170_000


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_that_changes_nothing_should_say_so(tool: McpTool) -> None:
    asks = {"search", "ask"}
    reads = all(route.method == "GET" for route in tool.routes) or tool.name in asks
    assert tool.read_only is reads
    assert not (tool.read_only and tool.destructive)


def test_arguments_should_go_where_the_route_has_them() -> None:
    api = FakeApi({"GET /v1/schedules/{schedule}/runs": {"items": [], "next_cursor": None}})
    called(api, "list_schedule_runs", schedule="nightly", limit=5, cursor=None)
    (call,) = api.calls
    assert (call.path, call.query, call.body) == ({"schedule": "nightly"}, {"limit": "5"}, None)
    api = FakeApi({"POST /v1/feedback": (201, {"feedback_id": "f", "ranks": True})})
    called(api, "rate", answer_id="ans_1", rating="up")
    assert api.calls[0].body == {"answer_id": "ans_1", "rating": "up"}
    api = FakeApi({"POST /v1/search": {"search_id": "srch_1", "hits": [], "next_cursor": None}})
    called(api, "search", query="weir", rateable=True)
    assert api.calls[0].body == {"query": "weir", "rateable": True}


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("get_document", {"document_id": ["a"]}, "document_id"),
        ("get_document", {"document_id": ""}, "document_id"),
        ("get_document", {"document_id": "x" * 2_049}, "document_id"),
        ("get_document", {}, "document_id"),
        ("get_document", {"document_id": "a", "x": 1}, "x"),
        ("get_page", {"document_id": "a", "page": 1, "start": -1}, "start"),
        ("get_page", {"document_id": "a", "page": 1, "start": "0"}, "start"),
        ("get_page", {"document_id": "a", "page": 1, "end": "9"}, "end"),
        ("get_page", {"document_id": "a", "page": 1, "end": True}, "end"),
        ("list_jobs", {"limit": {}}, "limit"),
    ],
)
def test_a_wrong_argument_should_be_told_before_anything_is_called(
    name: str, arguments: dict[str, Any], field: str
) -> None:
    api = FakeApi()
    result = called(api, name, **arguments)
    assert (result["isError"], result["_meta"][ERROR_KEY]["field"]) == (True, field)
    assert api.calls == []


@pytest.mark.parametrize(
    ("kind", "status", "retry_after", "fix"),
    [
        ("InvalidInput", 400, None, "Correct top_k and call again."),
        ("NotFound", 404, None, "Look the id"),
        ("Conflict", 409, None, "Look at the present state"),
        ("QuotaExceeded", 429, 60, "Call again after 60 seconds."),
        ("Throttled", 429, 1, "Call again after 1 seconds."),
        ("ModelFailure", 502, None, "Name another model"),
        ("Surprise", 500, None, "Correct top_k"),
    ],
)
def test_a_refusal_should_say_what_to_do(
    kind: str, status: int, retry_after: int | None, fix: str
) -> None:
    refused = refusal(kind, status, retry_after, field="top_k", limit="1000", request_id="r-1")
    result = called(FakeApi({"POST /v1/search": refused}), "search", query="x")
    told = result["_meta"][ERROR_KEY]
    assert told["fix"].startswith(fix)
    assert (told["type"], told["limit"]) == (kind, "1000")
    for word in (kind, "top_k", "1000", "r-1", told["fix"]):
        assert word in result["content"][0]["text"]


@pytest.mark.parametrize(
    ("kind", "field", "fix"),
    [
        ("NotFound", "document_id", "Look document_id up by the tool list_documents."),
        ("NotFound", "schedule", "Look schedule up by the tool list_schedules."),
        ("NotFound", "page", "Correct page and call again."),
        ("InvalidInput", "body", "Correct the arguments and call again."),
        ("InvalidInput", None, "Correct the arguments and call again."),
    ],
)
def test_a_fix_should_name_the_argument_or_what_lists_it(
    kind: str, field: str | None, fix: str
) -> None:
    api = FakeApi({"POST /v1/search": refusal(kind, 400, field=field)})
    assert called(api, "search", query="x")["_meta"][ERROR_KEY]["fix"] == fix


def test_a_tool_or_a_method_that_a_fix_names_should_be_there() -> None:
    tools = {f"the tool {tool.name}" for tool in TOOLS}
    assert set(LISTS.values()) <= tools | {"prompts/list, a method of the protocol"}


def test_a_long_page_should_be_read_in_ranges() -> None:
    page = {"text": "abc", "start": 0, "end": 50_000, "characters": 90_000}
    api = FakeApi({"GET /v1/documents/{document_id}/pages/{page}": page})
    result = called(api, "get_page", document_id="d", page=1)
    assert api.calls[0].query == {"start": "0", "end": "50000"}
    assert "start=50000" in result["content"][0]["text"]
    called(api, "get_page", document_id="d", page=1, start=50_000, end=50_010)
    assert api.calls[1].query == {"start": "50000", "end": "50010"}


def test_a_text_should_be_written_at_once_or_by_a_job() -> None:
    generation = {"output": {"task": "chat", "text": "Hello."}, "receipt": RECEIPT}
    api = FakeApi(
        {
            "POST /v1/generations": generation,
            "POST /v1/generations/jobs": (202, {"job_id": "J1", "status": "queued"}),
        }
    )
    result = called(api, "generate_text", prompt="Hi", max_tokens=9)
    assert result["content"] == [{"type": "text", "text": "Hello."}]
    assert result["structuredContent"]["job"] is None
    assert result["_meta"][RECEIPT_KEY] == RECEIPT
    assert api.calls[0].body == {"prompt": "Hi", "max_tokens": 9}
    result = called(api, "generate_text", prompt="Hi", background=True)
    assert result["structuredContent"]["generation"] is None
    assert api.calls[1].body == {"prompt": "Hi"}
    assert "J1" in result["content"][0]["text"]


def test_pictures_should_be_blocks_and_not_be_repeated() -> None:
    output = {"task": "image", "media_type": "image/png", "images": ["aGk=", "aG8="]}
    generation = {
        **dict.fromkeys(("generation_id", "created_at", "model", "answered_by"), "x"),
        "output": output,
    }
    api = FakeApi({"POST /v1/generations": generation})
    result = called(api, "generate_image", prompt="a lighthouse", count=2)
    assert [each["data"] for each in result["content"]] == ["aGk=", "aG8="]
    assert "aGk=" not in json.dumps(result["structuredContent"])
    schema = next(each for each in LISTED if each["name"] == "generate_image")["outputSchema"]
    jsonschema.Draft202012Validator(schema).validate(result["structuredContent"])
    assert api.calls[0].body == {"prompt": "a lighthouse", "count": 2, "task": "image"}


def test_a_batch_should_be_written_as_its_form_would_upload_it_and_begin() -> None:
    form = {"url": "https://bucket", "fields": {"key": "jobs/acme/J1/input.jsonl"}}
    api = FakeApi(
        {
            "POST /v1/generations/batches/uploads": (201, {"batch_id": "J1", "upload": form}),
            "POST /v1/generations/batches": (202, {"job_id": "J1", "status": "queued"}),
        }
    )
    calls = [{"id": "a", "prompt": "Ü"}, {"id": "b", "prompt": "?"}]
    task = called(api, "run_batch", tasks=True, calls=calls, model="auto")
    assert (task["resultType"], task["taskId"]) == ("task", "run_batch.J1")
    ((fields, content),) = api.uploads
    assert fields == form["fields"]
    assert [json.loads(line) for line in content.splitlines()] == calls
    assert [call.body for call in api.calls] == [
        {"bytes": len(content)},
        {"model": "auto", "batch_id": "J1"},
    ]
    plain = called(api, "run_batch", calls=calls)
    schema = next(each for each in LISTED if each["name"] == "run_batch")["outputSchema"]
    assert set(plain["structuredContent"]) == set(schema["properties"]) == {"job"}


@pytest.mark.parametrize("calls", [[], {}, "x", ["x"], [{"id": "a"}, 7], [{}] * 501])
def test_calls_of_a_batch_that_are_none_should_be_told(calls: Any) -> None:
    api = FakeApi()
    told = called(api, "run_batch", calls=calls)["_meta"][ERROR_KEY]
    assert told["field"].startswith("calls")
    assert api.calls == []


def test_a_saved_prompt_should_be_run() -> None:
    api = FakeApi({"POST /v1/prompts/{prompt}/runs": {"output": "Short.", "receipt": RECEIPT}})
    result = called(api, "run_prompt", prompt="sum-up", variables={"words": 9})
    assert (api.calls[0].path, api.calls[0].body) == (
        {"prompt": "sum-up"},
        {"variables": {"words": 9}},
    )
    assert result["content"][0]["text"] == "Short."
    assert result["_meta"][RECEIPT_KEY] == RECEIPT


def test_a_key_of_the_request_should_be_that_of_the_route() -> None:
    api = FakeApi({"POST /v1/ask": {"answer": "Yes.", "citations": []}})
    meta = {"headrace/idempotency_key": "k-1"}
    asked(api, "tools/call", name="ask", arguments={"question": "?"}, meta=meta)
    assert api.calls[0].idempotency_key == "k-1"


@pytest.mark.parametrize("key", [7, "", "k" * 251, "a b", "\u00fc", ["k"]])
def test_a_key_that_would_not_be_kept_should_be_refused(key: Any) -> None:
    api = FakeApi()
    meta = {"headrace/idempotency_key": key}
    told = asked(api, "tools/call", name="ask", arguments={"question": "?"}, meta=meta)["error"]
    assert told["data"]["field"] == "params._meta.headrace/idempotency_key"
    assert "1 to 250" in told["message"]
    assert api.calls == []

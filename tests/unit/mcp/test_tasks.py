"""Jobs as tasks: begun by tools, polled, cancelled, and ended with their results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.mcp.job_results import MAX_RESULT_BYTES
from chalicelib.mcp.jsonrpc import INVALID_PARAMS, MISSING_CLIENT_CAPABILITY
from tests.unit.mcp.fakes import FakeApi, asked, called, refusal

FILES = "jobs/acme/J1"
JOB: dict[str, Any] = {
    "job_id": "J1",
    "status": "queued",
    "created_at": "2026-12-01T10:00:00Z",
    "updated_at": "2026-12-01T10:00:01Z",
    "counts": {"total": 3, "done": 1},
    "receipt": {"dollars": "0.1"},
}


def job(status: str, results: bytes = b"", errors: bytes = b"", **more: Any) -> FakeApi:
    contents = {"results.jsonl": results, "errors.jsonl": errors}
    files = [
        {"name": name, "bytes": len(content), "url": f"https://bucket/{name[0]}"}
        for name, content in contents.items()
    ]
    shown = {**JOB, "status": status, "result_ref": f"{FILES}/summary.json", "results": files}
    return FakeApi(
        {"GET /v1/jobs/{job_id}": {**shown, **more}, "DELETE /v1/jobs/{job_id}": shown},
        {f"{FILES}/{name}": content for name, content in contents.items()},
    )


def polled(api: FakeApi, task_id: str = "extract.J1") -> dict[str, Any]:
    result: dict[str, Any] = asked(api, "tasks/get", tasks=True, taskId=task_id)["result"]
    return result


def test_a_client_that_takes_tasks_should_get_one_for_a_job() -> None:
    api = FakeApi({"POST /v1/extractions": (202, JOB)})
    task = called(api, "extract", tasks=True, extractor="invoice", collection="in")
    assert (task["resultType"], task["taskId"], task["status"]) == ("task", "extract.J1", "working")
    assert task["ttlMs"] > task["pollIntervalMs"] > 0
    assert task["createdAt"] == JOB["created_at"]
    assert "content" not in task
    plain = called(api, "extract", extractor="invoice", collection="in")
    assert plain["resultType"] == "complete"
    assert plain["structuredContent"]["job"]["job_id"] == "J1"


def test_a_large_document_should_be_deleted_by_a_task() -> None:
    api = job("succeeded")
    api.routes["DELETE /v1/documents/{document_id}"] = (202, JOB)
    task = called(api, "delete_document", tasks=True, document_id="doc_a")
    assert (task["resultType"], task["taskId"]) == ("task", "delete_document.J1")
    done = polled(api, task["taskId"])["result"]["structuredContent"]
    assert (done["deleted"], done["job"]["status"]) == (None, "succeeded")


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("queued", "working"),
        ("running", "working"),
        ("paused", "working"),
        ("succeeded", "completed"),
        ("partial", "completed"),
        ("failed", "completed"),
        ("expired", "completed"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_task_should_be_as_far_as_its_job(status: str, shown: str) -> None:
    task = polled(job(status))
    assert (task["resultType"], task["status"]) == ("complete", shown)
    assert ("result" in task) == (shown == "completed")
    assert "1 of 3 done" in task["statusMessage"]


def test_a_job_that_failed_should_be_a_result_that_says_why() -> None:
    error = {"type": "ModelFailure", "message": "The model is gone.", "state": "Extract"}
    result = polled(job("failed", error=error))["result"]
    assert result["isError"] is True
    assert "The model is gone." in result["content"][0]["text"]
    assert result["_meta"]["headrace/receipt"] == JOB["receipt"]


def test_a_job_of_which_nothing_succeeded_should_be_a_result_that_says_why() -> None:
    error = {"type": "NotFound", "message": "No model is served as 'nope'.", "field": "model"}
    lines = json.dumps({"id": "generation", "line": 1, "error": error}).encode() + b"\n"
    api = job("partial", errors=lines, counts={"total": 1, "done": 0, "failed": 1})
    result = polled(api, "generate_text.J1")["result"]
    assert result["isError"] is True
    told = result["_meta"]["headrace/error"]
    assert (told["type"], told["field"]) == ("NotFound", "model")
    assert "0 of 1 done" in told["message"]
    assert "No model is served as 'nope'." in result["content"][0]["text"]
    assert result["_meta"]["headrace/receipt"] == JOB["receipt"]


def test_a_job_of_which_some_failed_should_have_results_and_errors() -> None:
    api = job("partial", b'{"id":"a"}\n', b'{"id":"b","error":{}}\n')
    for result in (polled(api, "run_batch.J1")["result"], called(api, "get_job", job_id="J1")):
        told = [each["text"] for each in result["content"]][-2:]
        assert (result["isError"], told) == (False, ['{"id":"a"}', '{"id":"b","error":{}}'])


def test_a_task_that_ended_should_have_the_results_of_its_job() -> None:
    lines = b'{"document_id":"d"}\n{"document_id":"e"}\n'
    result = polled(job("partial", lines))["result"]
    assert result["content"][0]["text"].splitlines() == lines.decode().splitlines()
    assert result["structuredContent"]["extraction"] is None
    generation = {"output": {"text": "Hello."}, "receipt": {}}
    line = json.dumps({"id": "generation", "generation": generation}).encode() + b"\n"
    result = polled(job("succeeded", line), "generate_text.J1")["result"]
    assert result["content"][0]["text"] == "Hello."
    assert result["structuredContent"]["generation"] == {"output": {"text": "Hello."}}


def test_long_results_should_be_cut_at_a_line_and_say_where_the_rest_is() -> None:
    lines = b"x" * 999 + b"\n"
    api = job("succeeded", lines * 1_000)
    for text in (
        polled(api)["result"]["content"][0]["text"],
        called(api, "get_job", job_id="J1")["content"][1]["text"],
    ):
        *whole, last = text.splitlines()
        assert set(whole) == {"x" * 999}
        assert last == "[1000000 bytes in all; the file is at https://bucket/r]"
        assert len(text) < MAX_RESULT_BYTES + 200
    one = job("succeeded", b"x" * (MAX_RESULT_BYTES + 1))
    assert polled(one, "generate_text.J1")["result"]["structuredContent"]["generation"] is None


def test_a_task_should_be_cancelled_and_one_that_ended_stay() -> None:
    api = job("running")
    assert asked(api, "tasks/cancel", tasks=True, taskId="extract.J1")["result"]["resultType"]
    assert [call.method for call in api.calls] == ["DELETE"]
    ended = FakeApi({"DELETE /v1/jobs/{job_id}": refusal("Conflict", 409)})
    assert "result" in asked(ended, "tasks/cancel", tasks=True, taskId="extract.J1")


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
def test_a_task_that_is_not_there_should_be_refused(method: str) -> None:
    for task_id in ("extract.J1", "search.J1", "J1", "extract.J1/../J2", "", None, 7):
        error = asked(FakeApi(), method, tasks=True, taskId=task_id)["error"]
        assert (error["code"], error["data"]["field"]) == (INVALID_PARAMS, "taskId")
    error = asked(FakeApi(), method, taskId="extract.J1")["error"]
    assert error["code"] == MISSING_CLIENT_CAPABILITY
    assert "io.modelcontextprotocol/tasks" in error["data"]["requiredCapabilities"]["extensions"]


def test_a_task_that_asks_for_nothing_should_take_what_it_is_sent() -> None:
    told = asked(job("running"), "tasks/update", tasks=True, taskId="extract.J1", inputResponses={})
    assert told["result"]["resultType"] == "complete"

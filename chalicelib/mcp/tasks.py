"""Jobs of the API as tasks of MCP's extension: begun by a tool, polled, cancelled. Pure.

https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/2026-07-28/tasks.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import JsonValue

from chalicelib.mcp.api_calls import ApiCall, ApiCaller, ApiRefusalError
from chalicelib.mcp.batch_tools import BATCH_TOOLS
from chalicelib.mcp.document_changes import DOCUMENT_CHANGES
from chalicelib.mcp.extraction_tools import EXTRACTION_TOOLS
from chalicelib.mcp.job_results import (
    error_lines,
    first_error,
    result_lines,
    single_generation,
)
from chalicelib.mcp.jsonrpc import (
    INVALID_PARAMS,
    MISSING_CLIENT_CAPABILITY,
    Json,
    RpcError,
    object_of,
)
from chalicelib.mcp.model_tools import JOB, MODEL_TOOLS
from chalicelib.mcp.tool import ToolOutput, text_block, whole_output
from chalicelib.mcp.tool_results import failed_result, output_result
from chalicelib.mcp.versions import TASKS_EXTENSION, Envelope

TTL_MS = 7 * 24 * 3600 * 1_000
"""How long the files of a job are kept, from when it began."""
POLL_MS = 2_000
_WORKING = frozenset({"queued", "running", "paused"})
_DONE = frozenset({"succeeded", "partial"})
_CONFLICT = 409
_JOB = "/v1/jobs/{job_id}"
_TASK = re.compile(r"(?P<tool>[a-z_]{1,64})\.(?P<job_id>[0-9A-Za-z]{1,64})", re.ASCII)
_OTHER_KEYS: Mapping[str, str] = {
    tool.name: "".join(route.key for route in tool.routes if route.key != JOB)
    for tool in (*DOCUMENT_CHANGES, *EXTRACTION_TOOLS, *MODEL_TOOLS, *BATCH_TOOLS)
    if any(route.key == JOB for route in tool.routes)
}
"""The key that a result has beside `job`, by the tools that begin jobs; "" for none."""


def require_tasks(envelope: Envelope) -> None:
    """Raise `RpcError` unless the client declared the extension with this request."""
    if not envelope.has_tasks:
        raise RpcError(
            MISSING_CLIENT_CAPABILITY,
            "Missing required client capability: declare the tasks extension with each request.",
            {"requiredCapabilities": {"extensions": {TASKS_EXTENSION: {}}}},
        )


def created_task(tool: str, output: ToolOutput) -> Json:
    """Return the task of a job that a tool began, in place of the tool's result."""
    job = object_of(output.structured.get("job"))
    return {"resultType": "task", **_task(f"{tool}.{output.job_id}", job)}


def get_task(api: ApiCaller, task_id: JsonValue) -> Json:
    """Return a task, with its result once it has ended; raise `RpcError`."""
    tool, job_id = _parsed(task_id)
    try:
        job = api.call(ApiCall("GET", _JOB, {"job_id": job_id})).body
    except ApiRefusalError as refusal:
        raise _missing(refusal) from refusal
    task, status = _task(f"{tool}.{job_id}", job), str(job.get("status"))
    if task["status"] == "completed":
        errors = error_lines(api, job)
        if status in _DONE and not (errors and _nothing_done(job)):
            task["result"] = output_result(_output(api, tool, job, errors))
        else:
            task["result"] = failed_result(_job_error(job, errors), job.get("receipt"))
    return task


def _nothing_done(job: Json) -> bool:
    return object_of(job.get("counts")).get("done") == 0


def _output(api: ApiCaller, tool: str, job: Json, errors: str) -> ToolOutput:
    """Return the output that the tool would have had without a job; `errors` are of its items."""
    output = whole_output(job)
    lines = result_lines(api, job)
    generation = single_generation(lines) if tool == "generate_text" else {}
    written = object_of(generation.get("output")).get("text")
    told = str(written) if written is not None else lines or _status_message(job)
    blocks = (text_block(told), *((text_block(errors),) if errors else ()))
    key = _OTHER_KEYS[tool]
    other: Json = {key: generation or None} if key else {}
    structured: Json = {**other, "job": output.structured}
    return ToolOutput(structured, blocks, output.receipt)


def cancel_task(api: ApiCaller, task_id: JsonValue) -> None:
    """Cancel a task; one that has ended stays as it is. Raise `RpcError`."""
    _, job_id = _parsed(task_id)
    try:
        api.call(ApiCall("DELETE", _JOB, {"job_id": job_id}))
    except ApiRefusalError as refusal:
        if refusal.status != _CONFLICT:
            raise _missing(refusal) from refusal


def update_task(api: ApiCaller, task_id: JsonValue) -> None:
    """Ignore responses to a task's requests, as no task makes any; raise `RpcError`."""
    _, job_id = _parsed(task_id)
    try:
        api.call(ApiCall("GET", _JOB, {"job_id": job_id}))
    except ApiRefusalError as refusal:
        raise _missing(refusal) from refusal


def _task(task_id: str, job: Json) -> Json:
    status = str(job.get("status"))
    if status in _WORKING:
        shown = "working"
    else:
        # `failed` is for errors of the protocol; a job that failed is a result that says so.
        shown = "cancelled" if status == "cancelled" else "completed"
    return {
        "taskId": task_id,
        "status": shown,
        "statusMessage": _status_message(job),
        "createdAt": job.get("created_at"),
        "lastUpdatedAt": job.get("updated_at"),
        "ttlMs": TTL_MS,
        "pollIntervalMs": POLL_MS,
    }


def _status_message(job: Json) -> str:
    counts = object_of(job.get("counts"))
    told = f"The job {job.get('job_id')} is {job.get('status')}"
    if counts.get("total"):
        told += f", {counts.get('done')} of {counts.get('total')} done"
    return f"{told}."


def _job_error(job: Json, errors: str) -> Json:
    """Return the error of a job, or else of the first of its items that has one."""
    of_job, of_item = object_of(job.get("error")), first_error(errors)
    given = of_job or of_item
    told = str(given.get("message") or _status_message(job))
    if not of_job and of_item:
        told = f"{_status_message(job)} The first error: {told}"
    return {
        "type": given.get("type") or "JobFailed",
        "message": told,
        "field": given.get("field"),
        "limit": given.get("limit"),
    }


def _parsed(task_id: JsonValue) -> tuple[str, str]:
    """Return the tool and the job of a task's id."""
    found = _TASK.fullmatch(task_id) if isinstance(task_id, str) else None
    if found is None or found["tool"] not in _OTHER_KEYS:
        raise RpcError(INVALID_PARAMS, "There is no such task.", {"field": "taskId"})
    return found["tool"], found["job_id"]


def _missing(refusal: ApiRefusalError) -> ApiRefusalError | RpcError:
    if refusal.is_missing:
        return RpcError(
            INVALID_PARAMS, "There is no such task, or it has expired.", {"field": "taskId"}
        )
    return refusal

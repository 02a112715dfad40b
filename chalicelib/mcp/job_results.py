"""Read the beginning of a job's result files, for clients that cannot follow an address. Pure."""

from __future__ import annotations

import json

from chalicelib.mcp.api_calls import ApiCaller
from chalicelib.mcp.jsonrpc import Json, object_of, objects_of
from chalicelib.mcp.tool import Arguments, McpTool, ToolOutput, call_first_route, text_block

MAX_RESULT_BYTES = 100_000
"""Bytes of `results.jsonl` that a result has; the rest is behind the address of the file."""
MAX_ERROR_BYTES = 10_000
"""Bytes of `errors.jsonl` that a result has."""
RESULTS = "results.jsonl"
ERRORS = "errors.jsonl"
_SUMMARY = "summary.json"


def get_job(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Show a job, and the beginning of its results and its errors."""
    output = call_first_route(tool, arguments, api, idempotency_key)
    told = json.dumps(output.structured, ensure_ascii=False, separators=(",", ":"))
    lines = (result_lines(api, output.structured), error_lines(api, output.structured))
    blocks = (text_block(told), *(text_block(each) for each in lines if each))
    return ToolOutput(output.structured, blocks, output.receipt)


def result_lines(api: ApiCaller, job: Json) -> str:
    """Return whole lines of a job's results, and what is left out; "" where there are none."""
    return _file_lines(api, job, RESULTS, MAX_RESULT_BYTES)


def error_lines(api: ApiCaller, job: Json) -> str:
    """Return whole lines of a job's errors, and what is left out; "" where there are none."""
    return _file_lines(api, job, ERRORS, MAX_ERROR_BYTES)


def first_error(lines: str) -> Json:
    """Return the error of the first line of `errors.jsonl`; {} if it has none."""
    return object_of(_object_of_line(lines.partition("\n")[0]).get("error"))


def _file_lines(api: ApiCaller, job: Json, name: str, max_bytes: int) -> str:
    files = [each for each in objects_of(job.get("results")) if each.get("name") == name]
    reference = str(job.get("result_ref") or "")
    size = files[0].get("bytes") if files else 0
    if not isinstance(size, int) or not size or not reference.endswith(_SUMMARY):
        return ""
    key = reference.removesuffix(_SUMMARY) + name
    text = api.read(key, max_bytes).decode(errors="replace")
    if size <= max_bytes:
        return text.rstrip("\n")
    whole = text.rpartition("\n")[0]
    return f"{whole}\n[{size} bytes in all; the file is at {files[0].get('url')}]".lstrip("\n")


def single_generation(lines: str) -> Json:
    """Return the generation of a job that made one, less its receipt; {} if it cannot be read."""
    generation = object_of(_object_of_line(lines).get("generation"))
    return {name: value for name, value in generation.items() if name != "receipt"}


def _object_of_line(line: str) -> Json:
    try:
        return object_of(json.loads(line))
    except (ValueError, RecursionError):
        return {}

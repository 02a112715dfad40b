"""Results of jobs: the beginning of their files, for who cannot follow an address. Pure."""

from __future__ import annotations

import json

from chalicelib.mcp.api_calls import ApiCaller
from chalicelib.mcp.content import text_block
from chalicelib.mcp.jsonrpc import Json, object_of, objects_of
from chalicelib.mcp.tool import Arguments, McpTool, ToolOutput, call_first_route

MAX_RESULT_BYTES = 100_000
"""Bytes of `results.jsonl` that a result has; the rest is behind the address of the file."""
RESULTS = "results.jsonl"
_SUMMARY = "summary.json"


def get_job(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Show a job, and the beginning of its results."""
    output = call_first_route(tool, arguments, api, idempotency_key)
    told = json.dumps(output.structured, ensure_ascii=False, separators=(",", ":"))
    lines = result_lines(api, output.structured)
    blocks = (text_block(told), *((text_block(lines),) if lines else ()))
    return ToolOutput(output.structured, blocks, output.receipt)


def result_lines(api: ApiCaller, job: Json) -> str:
    """Return whole lines of a job's results, and what is left out; "" where there are none."""
    files = [each for each in objects_of(job.get("results")) if each.get("name") == RESULTS]
    reference = str(job.get("result_ref") or "")
    size = files[0].get("bytes") if files else 0
    if not isinstance(size, int) or not size or not reference.endswith(_SUMMARY):
        return ""
    key = reference.removesuffix(_SUMMARY) + RESULTS
    text = api.read(key, MAX_RESULT_BYTES).decode(errors="replace")
    if size <= MAX_RESULT_BYTES:
        return text.rstrip("\n")
    whole = text.rpartition("\n")[0]
    return f"{whole}\n[{size} bytes in all; the file is at {files[0].get('url')}]".lstrip("\n")


def single_generation(lines: str) -> Json:
    """Return the generation of a job that made one, less its receipt; {} if it cannot be read."""
    try:
        line = json.loads(lines)
    except (ValueError, RecursionError):
        return {}
    generation = object_of(object_of(line).get("generation"))
    return {name: value for name, value in generation.items() if name != "receipt"}

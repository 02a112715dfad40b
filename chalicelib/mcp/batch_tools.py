"""Tools for saved prompts and batches, which make many calls of models."""

from __future__ import annotations

import json

from chalicelib.mcp.api_calls import ApiCaller
from chalicelib.mcp.jsonrpc import Json, object_of
from chalicelib.mcp.model_tools import JOB, job_output
from chalicelib.mcp.tool import (
    ACCEPTED,
    Arguments,
    McpTool,
    ToolArgument,
    ToolOutput,
    ToolRoute,
    call_first_route,
    invalid_argument,
    route_call,
    text_block,
)

MAX_CALLS = 500
"""Calls within a message; longer files are uploaded by a form of the API."""
_UPLOADS = ToolRoute("POST", "/v1/generations/batches/uploads", 201)
_CALLS: Json = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_CALLS,
    "items": {"type": "object"},
    "examples": [[{"id": "a", "prompt": "Name a river.", "max_tokens": 20}]],
}


def run_batch(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Write calls as the file of a batch, and begin its job."""
    content = _lines(arguments)
    begun = {name: value for name, value in arguments.items() if name != "calls"}
    # Of a repeated request both responses are those of the first one.
    key = f"{idempotency_key}.file" if idempotency_key else ""
    upload = api.call(route_call(_UPLOADS, {"bytes": len(content)}, key)).body
    form = object_of(object_of(upload.get("upload")).get("fields"))
    api.upload({name: str(value) for name, value in form.items()}, content)
    given = {**begun, "batch_id": upload.get("batch_id")}
    return job_output(api.call(route_call(tool.routes[0], given, idempotency_key)).body)


def _lines(arguments: Arguments) -> bytes:
    calls = arguments.get("calls")
    if not isinstance(calls, list) or not 1 <= len(calls) <= MAX_CALLS:
        raise invalid_argument(
            f"calls is a list of 1 to {MAX_CALLS} calls.", "calls", str(MAX_CALLS)
        )
    for n, call in enumerate(calls):
        if not isinstance(call, dict):
            raise invalid_argument(f"calls.{n} is no object.", f"calls.{n}")
    lines = (json.dumps(call, ensure_ascii=False) for call in calls)
    return "\n".join(lines).encode() + b"\n"


def run_prompt(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Run a saved prompt, turn after turn."""
    output = call_first_route(tool, arguments, api, idempotency_key)
    text = str(output.structured.get("output") or "")
    return ToolOutput(output.structured, (text_block(text),) if text else (), output.receipt)


BATCH_TOOLS: tuple[McpTool, ...] = (
    McpTool(
        name="run_prompt",
        title="Run a saved prompt",
        description="Run a saved prompt, turn after turn, by the cheapest models that suffice.",
        routes=(ToolRoute("POST", "/v1/prompts/{prompt}/runs"),),
        arguments=(
            ToolArgument("prompt", "The prompt's name.", required=True),
            ToolArgument("version", "A number, a label such as production, or latest."),
            ToolArgument("variables", "The values of its variables.", {"type": "object"}),
            ToolArgument("model", "A model in the place of the one that the prompt names."),
        ),
        run=run_prompt,
    ),
    McpTool(
        name="run_batch",
        title="Begin a batch",
        description="Have many calls of models answered by a job, as cheaply as the deadline"
        " allows. A call is what generate_text takes, with an id of its own.",
        routes=(ToolRoute("POST", "/v1/generations/batches", ACCEPTED, JOB),),
        arguments=(
            ToolArgument("calls", "The calls.", _CALLS, required=True),
            ToolArgument("model", "The model of calls that name none."),
            ToolArgument("deadline_seconds", "How long the batch may take."),
            ToolArgument("confirm", "Whether to wait, with an estimate, until it is resumed."),
        ),
        run=run_batch,
    ),
)

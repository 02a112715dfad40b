"""Tools that call models: generation of texts and of images."""

from __future__ import annotations

from pydantic import JsonValue

from chalicelib.mcp.api_calls import ApiCaller
from chalicelib.mcp.jsonrpc import Json, object_of
from chalicelib.mcp.tool import (
    ACCEPTED,
    Arguments,
    McpTool,
    ToolArgument,
    ToolOutput,
    ToolRoute,
    image_block,
    route_call,
    text_block,
    whole_output,
)

JOB = "job"
_BACKGROUND: Json = {"type": "boolean", "default": False}
_MODEL = "A model by its name; auto takes the cheapest that suffices."
_BUDGET = "Dollars that all attempts together may cost."


def generate_text(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Have a model write now, or begin a job that has it written."""
    now, later = tool.routes
    given = {name: value for name, value in arguments.items() if name != "background"}
    if arguments.get("background") is True:
        return job_output(api.call(route_call(later, given, idempotency_key)).body, now.key)
    output = whole_output(api.call(route_call(now, given, idempotency_key)).body)
    text = str(object_of(output.structured.get("output")).get("text", ""))
    structured: Json = {now.key: output.structured, later.key: None}
    return ToolOutput(structured, (text_block(text),), output.receipt)


def generate_image(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Have a model draw; the pictures are blocks, and not repeated in the structured content."""
    call = route_call(tool.routes[0], {**arguments, "task": "image"}, idempotency_key)
    output = whole_output(api.call(call).body)
    drawn = object_of(output.structured.get("output"))
    images, media_type = drawn.get("images"), str(drawn.get("media_type") or "image/png")
    blocks = [image_block(str(each), media_type) for each in _list(images)]
    structured: Json = {
        **{name: output.structured.get(name) for name in IMAGE_FIELDS},
        "images": len(blocks),
        "media_type": media_type,
    }
    return ToolOutput(structured, tuple(blocks), output.receipt)


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def job_output(job: Json, other_key: str = "") -> ToolOutput:
    """Return a job that was begun, in place of the result under `other_key` if there is one."""
    output = whole_output(job)
    job_id = str(job.get("job_id"))
    told = f"The job {job_id} is {job.get('status')}; get_job says how far it is."
    other: Json = {other_key: None} if other_key else {}
    structured: Json = {**other, JOB: output.structured}
    return ToolOutput(structured, (text_block(told),), output.receipt, job_id)


IMAGE_FIELDS = ("generation_id", "created_at", "model", "answered_by")
"""Fields of a generation that a drawing has, too."""

MODEL_TOOLS: tuple[McpTool, ...] = (
    McpTool(
        name="list_models",
        title="List models",
        description="List the models that may be asked for: tasks, tiers, contexts, prices.",
        routes=(ToolRoute("GET", "/v1/models"),),
        read_only=True,
    ),
    McpTool(
        name="generate_text",
        title="Write a text",
        description="Have the cheapest language model that suffices answer a prompt. With"
        " background it is a job, for what takes longer than 25 seconds.",
        routes=(
            ToolRoute("POST", "/v1/generations", key="generation"),
            ToolRoute("POST", "/v1/generations/jobs", ACCEPTED, JOB),
        ),
        arguments=(
            ToolArgument("prompt", "What to write.", {"type": "string"}, required=True),
            ToolArgument("system", "Instructions that go before the prompt."),
            ToolArgument("documents", "Texts that the answer goes by: quotes, never orders."),
            ToolArgument("max_tokens", "The most tokens to write."),
            ToolArgument("temperature", "0 writes the likeliest words."),
            ToolArgument("seed", "The same seed writes the same where a model can."),
            ToolArgument("json_schema", "The JSON Schema that the answer keeps to."),
            ToolArgument("model", _MODEL),
            ToolArgument("quality", "The least tier of models that may answer."),
            ToolArgument("budget", _BUDGET),
            ToolArgument("checks", "Checks that the answer passes, such as length:20..400."),
            ToolArgument("allow_truncation", "Whether an answer may be cut off."),
            ToolArgument("background", "Whether to begin a job.", _BACKGROUND),
        ),
        run=generate_text,
    ),
    McpTool(
        name="generate_image",
        title="Draw a picture",
        description="Have a model draw pictures of what a prompt says.",
        routes=(ToolRoute("POST", "/v1/generations"),),
        arguments=(
            ToolArgument("prompt", "What to draw.", {"type": "string"}, required=True),
            ToolArgument("negative_prompt", "What not to draw."),
            ToolArgument("count", "How many pictures."),
            ToolArgument("width", "Their width in pixels."),
            ToolArgument("height", "Their height in pixels."),
            ToolArgument("seed", "The same seed draws the same."),
            ToolArgument("model", _MODEL),
            ToolArgument("budget", _BUDGET),
        ),
        run=generate_image,
    ),
)

"""The body format of Anthropic Claude: the Messages API as Bedrock has it.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.bedrock.answer_events import Event
from localcloud.bedrock.bodies.body_format import (
    Body,
    BodyFormat,
    check_keys,
    malformed_request,
    required_key,
    without_none,
)

VERSION = "bedrock-2023-05-31"
_FIELDS = (
    "anthropic_version",
    "max_tokens",
    "messages",
    "metadata",
    "stop_sequences",
    "system",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
)
_TOOL_CHOICES = ("auto", "any", "tool")


def _parse_request(body: Body) -> Body:
    check_keys(body, *_FIELDS)
    if required_key(body, "anthropic_version") != VERSION:
        raise malformed_request(f"anthropic_version must be {VERSION}.")
    return without_none(
        messages=_messages(required_key(body, "messages")),
        system=_system(body.get("system")),
        toolConfig=_tool_config(body),
        inferenceConfig=without_none(
            maxTokens=required_key(body, "max_tokens"),
            temperature=body.get("temperature"),
            topP=body.get("top_p"),
            stopSequences=body.get("stop_sequences"),
        ),
        additionalModelRequestFields=without_none(top_k=body.get("top_k")) or None,
    )


def _system(system: Any) -> list[Body] | None:
    if system is None or system == []:
        return None
    return [{"text": system}] if isinstance(system, str) else _blocks(system)


def _messages(messages: Any) -> list[Body]:
    """Return the messages; consecutive ones of one role are merged, as Claude does."""
    if not isinstance(messages, list):
        raise malformed_request("messages must be a list.")
    turns: list[Body] = []
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise malformed_request("a message must have the role user or assistant.")
        content = required_key(message, "content")
        blocks = [{"text": content}] if isinstance(content, str) else _blocks(content)
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": message["role"], "content": blocks})
    return turns


def _blocks(content: Any) -> list[Body]:
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise malformed_request("content must be a text or a list of blocks.")
    return [_block(block) for block in content]


def _block(block: Body) -> Body:
    kind = block.get("type")
    if kind == "text":
        return {"text": required_key(block, "text")}
    if kind == "tool_use":
        names = {"toolUseId": "id", "name": "name", "input": "input"}
        return {"toolUse": {ours: required_key(block, theirs) for ours, theirs in names.items()}}
    if kind == "tool_result":
        content = block.get("content", [])
        return {
            "toolResult": {
                "toolUseId": required_key(block, "tool_use_id"),
                "content": [{"text": content}] if isinstance(content, str) else _blocks(content),
                "status": "error" if block.get("is_error") else "success",
            }
        }
    raise malformed_request(
        f"the local model reads text only, and a block has the type {kind}."
        " For images use a model on AWS."
    )


def _tool(tool: Any) -> Body:
    if not isinstance(tool, dict) or "input_schema" not in tool:
        raise malformed_request("a tool must have a name and an input_schema.")
    spec = without_none(
        name=required_key(tool, "name"), description=tool.get("description") or None
    )
    return {"toolSpec": {**spec, "inputSchema": {"json": tool["input_schema"]}}}


def _tool_config(body: Body) -> Body | None:
    tools, choice = body.get("tools"), body.get("tool_choice")
    if tools is not None and not isinstance(tools, list):
        raise malformed_request("tools must be a list.")
    kind = choice.get("type") if isinstance(choice, dict) else None
    if choice is not None and kind not in (*_TOOL_CHOICES, "none"):
        raise malformed_request(
            f"tool_choice.type must be one of {', '.join(_TOOL_CHOICES)}, none."
        )
    if not tools or kind == "none":
        return None
    chosen = None
    if isinstance(choice, dict):
        chosen = {kind: {"name": required_key(choice, "name")} if kind == "tool" else {}}
    return without_none(tools=[_tool(tool) for tool in tools], toolChoice=chosen)


def _render_response(answer: Mapping[str, Any], model: str) -> Body:
    content = answer["output"]["message"]["content"]
    return {
        **_message(model),
        "content": [_render_block(block) for block in content],
        "stop_reason": _stop_reason(answer["stopReason"]),
        "stop_sequence": None,
        "usage": _usage(answer["usage"]),
    }


def _message(model: str) -> Body:
    return {
        "id": f"msg_bdrk_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": model.rpartition("anthropic.")[2].partition("-v")[0],
    }


def _render_block(block: Mapping[str, Any]) -> Body:
    if "text" in block:
        return {"type": "text", "text": block["text"]}
    use = block["toolUse"]
    return {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": use["input"]}


def _stop_reason(reason: str) -> str:
    renamed = {"guardrail_intervened": "end_turn", "malformed_tool_use": "end_turn"}
    return renamed.get(reason, reason)


def _usage(usage: Mapping[str, int]) -> Body:
    return {"input_tokens": usage["inputTokens"], "output_tokens": usage["outputTokens"]}


def _render_stream(events: Iterator[Event], model: str) -> Iterator[Body]:
    """Yield Claude's events. The input tokens in the first are 0: Converse gives them last."""
    message: Body = {**_message(model), "content": [], "stop_reason": None, "stop_sequence": None}
    open_block = False
    reason = ""
    for event in events:
        if "messageStart" in event:
            usage = {"input_tokens": 0, "output_tokens": 0}
            yield {"type": "message_start", "message": {**message, "usage": usage}}
        elif "contentBlockStart" in event:
            use = event["contentBlockStart"]["start"]["toolUse"]
            block = {"type": "tool_use", "id": use["toolUseId"], "name": use["name"], "input": {}}
            open_block = True
            yield {"type": "content_block_start", "index": 0, "content_block": block}
        elif "contentBlockDelta" in event:
            if not open_block:
                open_block = True
                block = {"type": "text", "text": ""}
                yield {"type": "content_block_start", "index": 0, "content_block": block}
            yield _delta(event["contentBlockDelta"]["delta"])
        elif "contentBlockStop" in event:
            yield {"type": "content_block_stop", "index": 0}
        elif "messageStop" in event:
            reason = _stop_reason(event["messageStop"]["stopReason"])
        else:
            stopped = {"stop_reason": reason, "stop_sequence": None}
            usage = _usage(event["metadata"]["usage"])
            yield {"type": "message_delta", "delta": stopped, "usage": usage}
            yield {"type": "message_stop"}


def _delta(delta: Mapping[str, Any]) -> Body:
    if "text" in delta:
        rendered = {"type": "text_delta", "text": delta["text"]}
    else:
        rendered = {"type": "input_json_delta", "partial_json": delta["toolUse"]["input"]}
    return {"type": "content_block_delta", "index": 0, "delta": rendered}


ANTHROPIC = BodyFormat(_parse_request, _render_response, _render_stream)

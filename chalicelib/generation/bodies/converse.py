"""A chat call as Bedrock's Converse takes it.

Batch jobs of Bedrock take the same body, one a line, with `modelInvocationType` `Converse`.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from chalicelib.contracts.generations import (
    ChatCall,
    ImagePart,
    Message,
    Part,
    ServiceTier,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from chalicelib.errors import InvalidInput
from chalicelib.generation.bodies.schemas import narrowed

Body = dict[str, Any]

_SERVICE_TIERS: Mapping[ServiceTier, str] = {"flex": "flex"}
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def request(call: ChatCall, service_tier: ServiceTier = "standard") -> Body:
    """Return the body of Converse for `call`, without the model's id.

    Raises:
        InvalidInput: the arguments of an earlier tool call are not a JSON object.
    """
    inference: Body = {"maxTokens": call.max_tokens}
    if call.temperature is not None:
        inference["temperature"] = call.temperature
    if call.top_p is not None:
        inference["topP"] = call.top_p
    if call.stop:
        inference["stopSequences"] = list(call.stop)
    body: Body = {
        "messages": [_message(message) for message in call.messages],
        "inferenceConfig": inference,
    }
    if call.system:
        body["system"] = [{"text": call.system}]
    tools = _tools(call)
    if tools:
        body["toolConfig"] = tools
    if call.json_output is not None and call.json_output.json_schema is not None:
        body["outputConfig"] = _output_config(call.json_output.name, call.json_output.json_schema)
    if service_tier in _SERVICE_TIERS:
        body["serviceTier"] = {"type": _SERVICE_TIERS[service_tier]}
    return body


def line(body: Body) -> Body:
    """Return `body` as JSON can hold it, for a line of a batch job: bytes as base64."""
    return {name: _written(value) for name, value in body.items()}


def takes_calls(call: ChatCall) -> bool:
    """Tell whether an answer may call tools. Where earlier turns did, Converse has to be told of
    tools even where it may not; what it calls then is dropped.
    """
    return bool(call.tools) and call.tool_choice != "none"


def _message(message: Message) -> Body:
    return {"role": message.role, "content": [_block(part) for part in message.content]}


def _block(part: Part) -> Body:
    match part:
        case TextPart():
            return {"text": part.text}
        case ImagePart():
            kind = part.media_type.removeprefix("image/")
            return {"image": {"format": kind, "source": {"bytes": part.data}}}
        case ToolCall():
            use = {"toolUseId": part.id, "name": part.name, "input": _arguments(part)}
            return {"toolUse": use}
        case ToolResult():
            status = "error" if part.failed else "success"
            result = {"toolUseId": part.id, "content": [{"text": part.text}], "status": status}
            return {"toolResult": result}


def _arguments(call: ToolCall) -> Body:
    try:
        read = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise InvalidInput(
            f"The arguments of the tool call {call.id} are not JSON: {error}.", field="messages"
        ) from error
    if not isinstance(read, dict):
        raise InvalidInput(
            f"The arguments of the tool call {call.id} are no JSON object.", field="messages"
        )
    return read


def _tools(call: ChatCall) -> Body:
    """Return the tools and the choice among them.

    Converse cannot be told to leave tools alone. They are left out then, unless the conversation
    has calls of them already, without whose tools it would be refused: those that are not among
    the call's own are told by their names.
    """
    used = _used(call)
    if not used and not takes_calls(call):
        return {}
    known = {tool.name for tool in call.tools}
    tools = (*call.tools, *(Tool(name=name) for name in used if name not in known))
    config: Body = {"tools": [{"toolSpec": _spec(tool)} for tool in tools]}
    if not takes_calls(call):
        return config
    if call.tool_choice == "required":
        config["toolChoice"] = {"any": {}}
    elif call.tool_choice != "auto":
        config["toolChoice"] = {"tool": {"name": call.tool_choice}}
    return config


def _used(call: ChatCall) -> tuple[str, ...]:
    """Return the names of the tools that were called before, in order."""
    names = (
        part.name
        for message in call.messages
        for part in message.content
        if isinstance(part, ToolCall)
    )
    return tuple(dict.fromkeys(names))


def _spec(tool: Tool) -> Body:
    spec: Body = {"name": tool.name, "inputSchema": {"json": tool.parameters or _NO_PARAMETERS}}
    return spec | ({"description": tool.description} if tool.description else {})


def _output_config(name: str, schema: Mapping[str, Any]) -> Body:
    wanted = {"jsonSchema": {"schema": json.dumps(narrowed(schema) or schema), "name": name}}
    return {"textFormat": {"type": "json_schema", "structure": wanted}}


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _written(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_written(each) for each in value]
    return value

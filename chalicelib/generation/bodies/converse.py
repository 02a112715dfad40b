"""A chat call as a request to Bedrock's Converse API, and the parsing of its answer.

Batch jobs of Bedrock take the same body, one per line, with `modelInvocationType` `Converse`.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.contracts.generations import (
    ChatCall,
    ChatOutput,
    Finish,
    ImagePart,
    Message,
    Part,
    ServiceTier,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.generation.bodies.structured_output import narrow_schema
from chalicelib.generation.streams import Delta, StreamEnd, TextDelta, ToolDelta

Body = dict[str, Any]

_SERVICE_TIERS: Mapping[ServiceTier, str] = {"flex": "flex"}
_NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


def build_request(call: ChatCall, service_tier: ServiceTier = "standard") -> Body:
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


def json_line(body: Body) -> Body:
    """Return `body` as JSON for a line of a batch job, with bytes in base64."""
    return {name: _written(value) for name, value in body.items()}


def may_call_tools(call: ChatCall) -> bool:
    """Return whether an answer may call tools.

    If earlier turns called tools, Converse must be given tools even if the answer may not call any;
    calls that it makes then are dropped.
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

    Converse cannot be told not to call tools. If none may be called, they are left out, unless the
    conversation has tool calls already, which Converse would refuse without their tools: tools that
    are not among the call's own are then sent by name only.
    """
    used = _used(call)
    if not used and not may_call_tools(call):
        return {}
    known = {tool.name for tool in call.tools}
    tools = (*call.tools, *(Tool(name=name) for name in used if name not in known))
    config: Body = {"tools": [{"toolSpec": _spec(tool)} for tool in tools]}
    if not may_call_tools(call):
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
    structure = {
        "jsonSchema": {"schema": json.dumps(narrow_schema(schema) or schema), "name": name}
    }
    return {"textFormat": {"type": "json_schema", "structure": structure}}


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    return value


_FINISH: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


@dataclass(frozen=True, slots=True)
class ConverseAnswer:
    """The answer of Converse; `answered_by` is empty if the answer does not name a model."""

    output: ChatOutput
    usage: Usage
    answered_by: str


def parse_answer(answered: Mapping[str, Any], *, calls: bool = True) -> ConverseAnswer:
    """Return the answer of Converse, without tool calls if it may make none.

    Raises:
        ModelFailure: the model wrote what Bedrock could not read, or nothing; with its usage if
            that is known.
    """
    usage: Usage | None = None
    try:
        usage = _usage(answered["usage"])
        content = answered["output"]["message"]["content"]
        finish = _finish(str(answered["stopReason"]), usage)
        text = "".join(str(block["text"]) for block in content if "text" in block)
        tool_calls = tuple(_tool_call(block["toolUse"]) for block in content if "toolUse" in block)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFailure(
            f"The model's answer is none of Converse: {error!r}.",
            usage=usage,
            unaccounted=usage is None,
        ) from error
    if not calls:
        tool_calls, finish = (), _without_calls(finish)
    output = ChatOutput(text=text, tool_calls=tool_calls, finish=finish)
    return ConverseAnswer(output, usage, _answered_by(answered))


def parse_stream(events: Iterable[Mapping[str, Any]], *, calls: bool = True) -> Iterator[Delta]:
    """Yield the pieces of a ConverseStream answer, with a `StreamEnd` last.

    Raises:
        ModelFailure: an event is invalid, or the stream ended without its end event.
    """
    state = _Told()
    for event in events:
        try:
            deltas = tuple(state.read(event))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelFailure(
                f"An event of the stream is none of Converse: {error!r}.", unaccounted=True
            ) from error
        for delta in deltas:
            if isinstance(delta, StreamEnd):
                yield delta if calls else replace(delta, finish=_without_calls(delta.finish))
                return
            if calls or not isinstance(delta, ToolDelta):
                yield delta
    raise ModelFailure(
        "The model's answer broke off: the stream ended without its metadata.", unaccounted=True
    )


@dataclass(slots=True)
class _Told:
    """The state of a stream: how it ended, and its tool calls.

    `places` are the indices of tool calls by content block; `bare` are the blocks that have no
    arguments yet.
    """

    stop: str = ""
    answered_by: str = ""
    places: dict[int, int] = field(default_factory=dict)
    bare: set[int] = field(default_factory=set)

    def read(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        if "contentBlockStart" in event:
            yield from self._started(event["contentBlockStart"])
        elif "contentBlockDelta" in event:
            yield from self._piece(event["contentBlockDelta"])
        elif "contentBlockStop" in event:
            block = event["contentBlockStop"]["contentBlockIndex"]
            if block in self.bare:
                yield ToolDelta(self.places[block], "", "", "{}")
        elif "messageStop" in event:
            self.stop = str(event["messageStop"]["stopReason"])
            self.answered_by = _answered_by(event["messageStop"])
        elif "metadata" in event and self.stop:
            usage = _usage(event["metadata"]["usage"])
            yield StreamEnd(_finish(self.stop, usage), usage, self.answered_by)

    def _started(self, told: Mapping[str, Any]) -> Iterator[Delta]:
        use = told.get("start", {}).get("toolUse")
        if use:
            block = told["contentBlockIndex"]
            place = self.places.setdefault(block, len(self.places))
            self.bare.add(block)
            yield ToolDelta(place, str(use["toolUseId"]), str(use["name"]), "")

    def _piece(self, told: Mapping[str, Any]) -> Iterator[Delta]:
        delta = told["delta"]
        if delta.get("text"):
            yield TextDelta(str(delta["text"]))
        elif delta.get("toolUse", {}).get("input"):
            block = told["contentBlockIndex"]
            self.bare.discard(block)
            yield ToolDelta(self.places[block], "", "", str(delta["toolUse"]["input"]))


def _finish(stop: str, usage: Usage) -> Finish:
    if stop not in _FINISH:
        raise ModelFailure(
            f"The model stopped for {stop}, and what it wrote cannot be used.", usage=usage
        )
    return _FINISH[stop]


def _without_calls(finish: Finish) -> Finish:
    return "stop" if finish == "tool_calls" else finish


def _tool_call(use: Mapping[str, Any]) -> ToolCall:
    return ToolCall(
        id=str(use["toolUseId"]), name=str(use["name"]), arguments=json.dumps(use["input"])
    )


def _usage(told: Mapping[str, Any]) -> Usage:
    """Return the tokens, including those read from a cache or written into one."""
    read = sum(
        int(told.get(name) or 0)
        for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    )
    return Usage(tokens_in=read, tokens_out=int(told["outputTokens"]))


def _answered_by(told: Mapping[str, Any]) -> str:
    fields = told.get("additionalModelResponseFields") or {}
    return str((fields.get("localModel") or {}).get("name", ""))

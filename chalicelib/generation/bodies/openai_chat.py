"""A chat call as a request to OpenAI's chat API, as containers and servers take it. Pure.

vLLM and the Large Model Inference containers of SageMaker accept it on /invocations. An endpoint
has one model, so that the body names none; a server of several is told which.
https://platform.openai.com/docs/api-reference/chat/create
https://docs.djl.ai/master/docs/serving/serving/docs/lmi/user_guides/chat_input_output_schema.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.contracts.generations import (
    ChatCall,
    ChatOutput,
    Finish,
    ImagePart,
    Message,
    Reply,
    TextPart,
    ToolCall,
    ToolResult,
    Usage,
)
from chalicelib.errors import ModelFailure
from chalicelib.generation.streams import Delta, StreamEnd, TextDelta, ToolDelta
from chalicelib.generation.tokens import estimated_tokens

Body = dict[str, Any]

SCHEMA = "openai-chat"
"""The name of this body in a served model's backend."""
COMPLETION_TOKENS_SCHEMA = "openai-chat-completion-tokens"
"""The same body with the field that OpenAI's own models take instead of `max_tokens`."""
TOKEN_LIMITS: Mapping[str, str] = {
    SCHEMA: "max_tokens",
    COMPLETION_TOKENS_SCHEMA: "max_completion_tokens",
}
"""The field that bounds the answer, by the name of the body."""

_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_DATA, _DONE = b"data:", b"[DONE]"


@dataclass(frozen=True, slots=True)
class ChatCompletionAnswer:
    """The answer of a container; `answered_by` is empty if it names no model."""

    output: ChatOutput
    usage: Usage
    answered_by: str


def build_request(call: ChatCall, *, stream: bool = False, schema: str = SCHEMA) -> Body:
    """Return the body for `call`; one that streams asks for its usage at the end."""
    body: Body = {"messages": _messages(call), TOKEN_LIMITS[schema]: call.max_tokens}
    for name in ("temperature", "top_p", "seed"):
        if getattr(call, name) is not None:
            body[name] = getattr(call, name)
    if call.stop:
        body["stop"] = list(call.stop)
    if call.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": dict(tool.parameters) or {"type": "object", "properties": {}},
                },
            }
            for tool in call.tools
        ]
        body["tool_choice"] = _choice(call.tool_choice)
        if not call.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    if call.json_output is not None:
        body["response_format"] = _format(call.json_output.name, call.json_output.json_schema)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def parse_answer(body: Any, call: ChatCall) -> ChatCompletionAnswer:
    """Return the answer of a container, with its usage estimated if it reports none.

    Raises:
        ModelFailure: the answer has another shape. It may have been billed.
    """
    try:
        choice = body["choices"][0]
        message = choice["message"]
        calls = tuple(
            ToolCall(
                id=str(use["id"]),
                name=str(use["function"]["name"]),
                arguments=str(use["function"]["arguments"]),
            )
            for use in message.get("tool_calls") or ()
        )
        output = ChatOutput(
            text=str(message.get("content") or ""),
            tool_calls=calls,
            finish=_finish(choice["finish_reason"]),
        )
        told = body.get("usage")
        usage = _usage(told) if told else _estimated(call, output.text)
        return ChatCompletionAnswer(output, usage, str(body.get("model") or ""))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ModelFailure(
            f"The endpoint's answer is no chat completion: {error!r}.", unaccounted=True
        ) from error


def chat_reply(body: Any, call: ChatCall, model: str, model_id: str) -> Reply:
    """Return the answer of a container as the reply of `model`, which its server calls `model_id`.

    Raises:
        ModelFailure: as `parse_answer` does.
    """
    answer = parse_answer(body, call)
    return Reply(
        model=model,
        answered_by=answer.answered_by or model_id,
        output=answer.output,
        usage=answer.usage,
        seconds=0.0,
    )


def parse_stream(pieces: Iterable[bytes], call: ChatCall) -> Iterator[Delta]:
    """Yield the pieces of an answer streamed as server-sent events, with a `StreamEnd` last.

    If a container does not report its usage, it is estimated. Raises `ModelFailure` if the stream
    is of another kind, or ends without a finish reason.
    """
    finish: Finish | None = None
    usage: Usage | None = None
    written, answered_by = "", ""
    for event in _events(pieces):
        try:
            answered_by = str(event.get("model") or answered_by)
            usage = _usage(event["usage"]) if event.get("usage") else usage
            for choice in event.get("choices") or ():
                for delta in _pieces(choice.get("delta") or {}):
                    written += delta.text if isinstance(delta, TextDelta) else delta.arguments
                    yield delta
                if choice.get("finish_reason"):
                    finish = _finish(choice["finish_reason"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelFailure(f"An event of the stream is no chat chunk: {error!r}.") from error
    if finish is None:
        raise ModelFailure("The endpoint's answer broke off: the stream did not say how it ended.")
    yield StreamEnd(finish, usage or _estimated(call, written), answered_by)


def _events(pieces: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a stream's events, at whatever bytes it is cut."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from _read(lines)
    yield from _read([rest])


def _read(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        data = line.strip()
        if not data.startswith(_DATA):
            continue
        data = data.removeprefix(_DATA).strip()
        if data == _DONE:
            continue
        try:
            event = json.loads(data)
        except ValueError as error:
            raise ModelFailure(f"An event of the stream is not JSON: {error}.") from error
        if not isinstance(event, dict):
            raise ModelFailure("An event of the stream is no object.")
        if "error" in event:
            raise ModelFailure(f"The model failed while it answered: {event['error']}")
        yield event


def _pieces(delta: Mapping[str, Any]) -> Iterator[TextDelta | ToolDelta]:
    if delta.get("content"):
        yield TextDelta(str(delta["content"]))
    for use in delta.get("tool_calls") or ():
        function = use.get("function") or {}
        yield ToolDelta(
            int(use.get("index", 0)),
            str(use.get("id") or ""),
            str(function.get("name") or ""),
            str(function.get("arguments") or ""),
        )


def _messages(call: ChatCall) -> list[Body]:
    messages: list[Body] = [{"role": "system", "content": call.system}] if call.system else []
    for message in call.messages:
        messages += _assistant(message) if message.role == "assistant" else _user(message)
    return messages


def _assistant(message: Message) -> Iterator[Body]:
    text = "".join(part.text for part in message.content if isinstance(part, TextPart))
    calls = [
        {
            "id": part.id,
            "type": "function",
            "function": {"name": part.name, "arguments": part.arguments},
        }
        for part in message.content
        if isinstance(part, ToolCall)
    ]
    yield {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}


def _user(message: Message) -> Iterator[Body]:
    """Yield tool results as messages of their own, which come first, then the rest."""
    for part in message.content:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.id, "content": part.text}
    parts = [_part(part) for part in message.content if isinstance(part, TextPart | ImagePart)]
    if parts and all(part["type"] == "text" for part in parts):
        yield {"role": "user", "content": "".join(part["text"] for part in parts)}
    elif parts:
        yield {"role": "user", "content": parts}


def _part(part: TextPart | ImagePart) -> Body:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}"}}


def _choice(choice: str) -> str | Body:
    if choice in ("auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _format(name: str, schema: Mapping[str, Any] | None) -> Body:
    if schema is None:
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "schema": dict(schema), "strict": True},
    }


def _finish(reason: Any) -> Finish:
    if reason not in _FINISH:
        raise ModelFailure(
            f"The model stopped for {reason}, and what it wrote cannot be used.", unaccounted=True
        )
    return _FINISH[reason]


def _usage(told: Mapping[str, Any]) -> Usage:
    return Usage(
        tokens_in=int(told["prompt_tokens"]), tokens_out=int(told.get("completion_tokens") or 0)
    )


def _estimated(call: ChatCall, written: str) -> Usage:
    read = [call.system] + [
        part.text
        for message in call.messages
        for part in message.content
        if isinstance(part, TextPart | ToolResult)
    ]
    return Usage(tokens_in=sum(map(estimated_tokens, read)), tokens_out=estimated_tokens(written))

"""The body format of imported models: chat completions of OpenAI's API.

https://docs.aws.amazon.com/bedrock/latest/userguide/invoke-imported-model.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.bedrock.answer_events import Event
from localcloud.bedrock.bodies.body_format import (
    Body,
    BodyFormat,
    check_keys,
    malformed_request,
    required_key,
    response_text,
    without_none,
)

_KEYS = (
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "stream",
    "stream_options",
)
_FINISHES = {"max_tokens": "length", "content_filtered": "content_filter"}


def _parse_request(body: Body) -> Body:
    if "prompt" in body:
        raise malformed_request(
            "the local cloud reads messages, and no prompt, of an imported model."
        )
    check_keys(body, *_KEYS)
    messages = required_key(body, "messages")
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise malformed_request("messages must be a list of objects.")
    turns = [(each.get("role"), _text(each.get("content"))) for each in messages]
    stop = body.get("stop")
    inference = without_none(
        maxTokens=body.get("max_completion_tokens", body.get("max_tokens")),
        temperature=body.get("temperature"),
        topP=body.get("top_p"),
        stopSequences=[stop] if isinstance(stop, str) else stop,
    )
    system = [{"text": text} for role, text in turns if role == "system"]
    return without_none(
        messages=[
            {"role": role, "content": [{"text": text}]} for role, text in turns if role != "system"
        ],
        system=system or None,
        inferenceConfig=inference or None,
    )


def _text(content: Any) -> str:
    """Return the text of a message, which is a string or parts."""
    if isinstance(content, str):
        return content
    texts = []
    for part in content if isinstance(content, list) else [None]:
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            raise malformed_request("content must be a string, or a list of parts of text.")
        texts.append(part["text"])
    return "\n".join(texts)


def _render_response(answer: Mapping[str, Any], model: str) -> Body:
    message = {"role": "assistant", "content": response_text(answer)}
    reason = _FINISHES.get(answer["stopReason"], "stop")
    return {
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": _usage(answer["usage"]),
    }


def _render_stream(events: Iterator[Event], model: str) -> Iterator[Body]:
    for event in events:
        if "contentBlockDelta" in event:
            text = event["contentBlockDelta"]["delta"].get("text", "")
            yield _chunk(model, {"index": 0, "delta": {"content": text}, "finish_reason": None})
        elif "messageStop" in event:
            reason = _FINISHES.get(event["messageStop"]["stopReason"], "stop")
            yield _chunk(model, {"index": 0, "delta": {}, "finish_reason": reason})
        elif "metadata" in event:
            yield {**_chunk(model), "usage": _usage(event["metadata"]["usage"])}


def _chunk(model: str, *choices: Body) -> Body:
    return {"object": "chat.completion.chunk", "model": model, "choices": list(choices)}


def _usage(usage: Mapping[str, Any]) -> Body:
    return {
        "prompt_tokens": usage["inputTokens"],
        "completion_tokens": usage["outputTokens"],
        "total_tokens": usage["totalTokens"],
    }


OPENAI_CHAT = BodyFormat(_parse_request, _render_response, _render_stream)

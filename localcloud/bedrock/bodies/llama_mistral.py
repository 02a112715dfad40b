"""The body formats of Meta Llama and Mistral: prompts in the model's template, or plain text.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html
"""

from __future__ import annotations

import re
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

_LLAMA_TURN = re.compile(
    r"<\|(?:start_header_id|header_start)\|>\s*(\w+)\s*<\|(?:end_header_id|header_end)\|>"
    r"(.*?)(?:<\|(?:eot_id|eot)\|>|(?=<\|(?:start_header_id|header_start)\|>)|\Z)",
    re.DOTALL,
)
_MISTRAL_TURN = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?:</s>|(?=\[INST\])|\Z)", re.DOTALL)
_SPECIAL_TOKENS = re.compile(r"<\|begin_of_text\|>|</?s>")


def parse_llama_prompt(prompt: str) -> Body:
    """Parse a prompt in Llama's template; any other prompt is one user message."""
    turns = [(role, text.strip()) for role, text in _LLAMA_TURN.findall(prompt)]
    return _conversation(turns or [("user", _SPECIAL_TOKENS.sub("", prompt))])


def parse_mistral_prompt(prompt: str) -> Body:
    """Parse a prompt in Mistral's template; any other prompt is one user message."""
    turns: list[tuple[str, str]] = []
    for question, answer in _MISTRAL_TURN.findall(prompt):
        turns += [("user", question.strip()), ("assistant", answer.strip())]
    return _conversation(turns or [("user", _SPECIAL_TOKENS.sub("", prompt))])


def _conversation(turns: list[tuple[str, str]]) -> Body:
    system = [{"text": text} for role, text in turns if role == "system" and text]
    spoken = [(role, text) for role, text in turns if role != "system"]
    if spoken and spoken[-1] == ("assistant", ""):
        spoken.pop()
    messages = [{"role": role, "content": [{"text": text}]} for role, text in spoken]
    return without_none(messages=messages, system=system or None)


def _prompt(body: Body) -> str:
    prompt = required_key(body, "prompt")
    if not isinstance(prompt, str):
        raise malformed_request("prompt must be a text.")
    return prompt


def _parse_llama_request(body: Body) -> Body:
    check_keys(body, "prompt", "max_gen_len", "temperature", "top_p")
    config = without_none(
        maxTokens=body.get("max_gen_len", 512),
        temperature=body.get("temperature", 0.5),
        topP=body.get("top_p", 0.9),
    )
    return {**parse_llama_prompt(_prompt(body)), "inferenceConfig": config}


def _stop_reason(reason: str) -> str:
    lengths = ("max_tokens", "model_context_window_exceeded")
    return "length" if reason in lengths else "stop"


def _render_llama_response(answer: Mapping[str, Any], model: str) -> Body:
    return {
        "generation": response_text(answer),
        "prompt_token_count": answer["usage"]["inputTokens"],
        "generation_token_count": answer["usage"]["outputTokens"],
        "stop_reason": _stop_reason(answer["stopReason"]),
    }


def _render_llama_stream(events: Iterator[Event], model: str) -> Iterator[Body]:
    reason = ""
    empty = {"prompt_token_count": None, "generation_token_count": None, "stop_reason": None}
    for event in events:
        if "contentBlockDelta" in event:
            yield {"generation": event["contentBlockDelta"]["delta"]["text"], **empty}
        elif "messageStop" in event:
            reason = _stop_reason(event["messageStop"]["stopReason"])
        elif "metadata" in event:
            usage = event["metadata"]["usage"]
            yield {
                "generation": "",
                "prompt_token_count": usage["inputTokens"],
                "generation_token_count": usage["outputTokens"],
                "stop_reason": reason,
            }


def _parse_mistral_request(body: Body) -> Body:
    check_keys(body, "prompt", "messages", "max_tokens", "temperature", "top_p", "top_k", "stop")
    config = without_none(
        maxTokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        topP=body.get("top_p"),
        stopSequences=body.get("stop"),
    )
    further = without_none(top_k=body.get("top_k"))
    turns = _mistral_messages(body) if "messages" in body else parse_mistral_prompt(_prompt(body))
    return {
        **turns,
        **without_none(
            inferenceConfig=config or None, additionalModelRequestFields=further or None
        ),
    }


def _mistral_messages(body: Body) -> Body:
    messages = body["messages"]
    if not isinstance(messages, list):
        raise malformed_request("messages must be a list.")
    turns: list[tuple[str, str]] = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise malformed_request("a message must have a role, and a text as its content.")
        turns.append((str(message.get("role")), message["content"]))
    return _conversation(turns)


def _render_mistral_response(answer: Mapping[str, Any], model: str) -> Body:
    return {
        "outputs": [
            {"text": response_text(answer), "stop_reason": _stop_reason(answer["stopReason"])}
        ]
    }


def _render_chat_response(answer: Mapping[str, Any], model: str) -> Body:
    message = {"role": "assistant", "content": response_text(answer)}
    reason = _stop_reason(answer["stopReason"])
    return {"choices": [{"index": 0, "message": message, "stop_reason": reason}]}


def _render_mistral_stream(events: Iterator[Event], model: str) -> Iterator[Body]:
    for event in events:
        if "contentBlockDelta" in event:
            text = event["contentBlockDelta"]["delta"]["text"]
            yield {"outputs": [{"text": text, "stop_reason": None}]}
        elif "messageStop" in event:
            reason = _stop_reason(event["messageStop"]["stopReason"])
            yield {"outputs": [{"text": "", "stop_reason": reason}]}


def _render_chat_stream(events: Iterator[Event], model: str) -> Iterator[Body]:
    for event in events:
        if "contentBlockDelta" in event:
            message = {"role": "assistant", "content": event["contentBlockDelta"]["delta"]["text"]}
            yield {"choices": [{"index": 0, "message": message, "stop_reason": None}]}
        elif "messageStop" in event:
            message = {"role": "assistant", "content": ""}
            reason = _stop_reason(event["messageStop"]["stopReason"])
            yield {"choices": [{"index": 0, "message": message, "stop_reason": reason}]}


LLAMA = BodyFormat(_parse_llama_request, _render_llama_response, _render_llama_stream)
MISTRAL = BodyFormat(_parse_mistral_request, _render_mistral_response, _render_mistral_stream)
MISTRAL_CHAT = BodyFormat(_parse_mistral_request, _render_chat_response, _render_chat_stream)

"""Meta Llama and Mistral, which take a prompt with the marks of their own template, or none.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-chat-completion.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.bedrock.answering import Event
from localcloud.bedrock.bodies.family import Body, Family, given, malformed, only, required, text_of

_LLAMA_TURN = re.compile(
    r"<\|(?:start_header_id|header_start)\|>\s*(\w+)\s*<\|(?:end_header_id|header_end)\|>"
    r"(.*?)(?:<\|(?:eot_id|eot)\|>|(?=<\|(?:start_header_id|header_start)\|>)|\Z)",
    re.DOTALL,
)
_MISTRAL_TURN = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?:</s>|(?=\[INST\])|\Z)", re.DOTALL)
_MARKS = re.compile(r"<\|begin_of_text\|>|</?s>")


def llama_turns(prompt: str) -> Body:
    """Return the turns of a prompt in Llama's template; any other prompt is one user's turn."""
    turns = [(role, text.strip()) for role, text in _LLAMA_TURN.findall(prompt)]
    return _conversation(turns or [("user", _MARKS.sub("", prompt))])


def mistral_turns(prompt: str) -> Body:
    """Return the turns of a prompt in Mistral's template; any other prompt is one user's turn."""
    turns: list[tuple[str, str]] = []
    for asked, answered in _MISTRAL_TURN.findall(prompt):
        turns += [("user", asked.strip()), ("assistant", answered.strip())]
    return _conversation(turns or [("user", _MARKS.sub("", prompt))])


def _conversation(turns: list[tuple[str, str]]) -> Body:
    system = [{"text": text} for role, text in turns if role == "system" and text]
    said = [(role, text) for role, text in turns if role != "system"]
    if said and said[-1] == ("assistant", ""):
        said.pop()
    messages = [{"role": role, "content": [{"text": text}]} for role, text in said]
    return given(messages=messages, system=system or None)


def _prompt(body: Body) -> str:
    prompt = required(body, "prompt")
    if not isinstance(prompt, str):
        raise malformed("prompt must be a text.")
    return prompt


def _llama_asked(body: Body) -> Body:
    only(body, "prompt", "max_gen_len", "temperature", "top_p")
    config = given(
        maxTokens=body.get("max_gen_len", 512),
        temperature=body.get("temperature", 0.5),
        topP=body.get("top_p", 0.9),
    )
    return {**llama_turns(_prompt(body)), "inferenceConfig": config}


def _reason(reason: str) -> str:
    lengths = ("max_tokens", "model_context_window_exceeded")
    return "length" if reason in lengths else "stop"


def _llama_whole(answer: Mapping[str, Any], model: str) -> Body:
    return {
        "generation": text_of(answer),
        "prompt_token_count": answer["usage"]["inputTokens"],
        "generation_token_count": answer["usage"]["outputTokens"],
        "stop_reason": _reason(answer["stopReason"]),
    }


def _llama_streamed(events: Iterator[Event], model: str) -> Iterator[Body]:
    reason = ""
    empty = {"prompt_token_count": None, "generation_token_count": None, "stop_reason": None}
    for event in events:
        if "contentBlockDelta" in event:
            yield {"generation": event["contentBlockDelta"]["delta"]["text"], **empty}
        elif "messageStop" in event:
            reason = _reason(event["messageStop"]["stopReason"])
        elif "metadata" in event:
            usage = event["metadata"]["usage"]
            yield {
                "generation": "",
                "prompt_token_count": usage["inputTokens"],
                "generation_token_count": usage["outputTokens"],
                "stop_reason": reason,
            }


def _mistral_asked(body: Body) -> Body:
    only(body, "prompt", "messages", "max_tokens", "temperature", "top_p", "top_k", "stop")
    config = given(
        maxTokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        topP=body.get("top_p"),
        stopSequences=body.get("stop"),
    )
    further = given(top_k=body.get("top_k"))
    turns = _mistral_messages(body) if "messages" in body else mistral_turns(_prompt(body))
    return {
        **turns,
        **given(inferenceConfig=config or None, additionalModelRequestFields=further or None),
    }


def _mistral_messages(body: Body) -> Body:
    messages = body["messages"]
    if not isinstance(messages, list):
        raise malformed("messages must be a list.")
    turns: list[tuple[str, str]] = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise malformed("a message must have a role, and a text as its content.")
        turns.append((str(message.get("role")), message["content"]))
    return _conversation(turns)


def _mistral_whole(answer: Mapping[str, Any], model: str) -> Body:
    return {"outputs": [{"text": text_of(answer), "stop_reason": _reason(answer["stopReason"])}]}


def _chat_whole(answer: Mapping[str, Any], model: str) -> Body:
    message = {"role": "assistant", "content": text_of(answer)}
    reason = _reason(answer["stopReason"])
    return {"choices": [{"index": 0, "message": message, "stop_reason": reason}]}


def _mistral_streamed(events: Iterator[Event], model: str) -> Iterator[Body]:
    for event in events:
        if "contentBlockDelta" in event:
            text = event["contentBlockDelta"]["delta"]["text"]
            yield {"outputs": [{"text": text, "stop_reason": None}]}
        elif "messageStop" in event:
            reason = _reason(event["messageStop"]["stopReason"])
            yield {"outputs": [{"text": "", "stop_reason": reason}]}


def _chat_streamed(events: Iterator[Event], model: str) -> Iterator[Body]:
    for event in events:
        if "contentBlockDelta" in event:
            message = {"role": "assistant", "content": event["contentBlockDelta"]["delta"]["text"]}
            yield {"choices": [{"index": 0, "message": message, "stop_reason": None}]}
        elif "messageStop" in event:
            message = {"role": "assistant", "content": ""}
            reason = _reason(event["messageStop"]["stopReason"])
            yield {"choices": [{"index": 0, "message": message, "stop_reason": reason}]}


LLAMA = Family(_llama_asked, _llama_whole, _llama_streamed)
MISTRAL = Family(_mistral_asked, _mistral_whole, _mistral_streamed)
MISTRAL_CHAT = Family(_mistral_asked, _chat_whole, _chat_streamed)

"""Converts the generated pieces of an answer to the events of content blocks: text or tool use.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.bedrock.answer_format import AnswerFormat
from localcloud.bedrock.content import CALL_END, CALL_START
from localcloud.bedrock.llama import Finish

Event = Mapping[str, Any]
GeneratedPieces = Iterator["str | Finish"]

_STOP_REASONS = {"eos": "end_turn", "word": "stop_sequence", "limit": "max_tokens"}


@dataclass(slots=True)
class StopDetails:
    """How an answer ended, once its blocks were parsed: set by `block_events`."""

    finish: Finish | None = None
    reason: str = ""


def block_events(
    pieces: GeneratedPieces, wanted: AnswerFormat, context: int, stop: StopDetails
) -> Iterator[Event]:
    """Yield the events of an answer's content block and set `stop` at the end.

    Args:
        pieces: generated text, then the `Finish`.
        wanted: the format that the answer must have.
        context: the context length of the model in tokens.
        stop: receives the stop reason and the token counts.
    """
    if wanted.kind == "tool":
        yield from _tool_events(pieces, wanted.name, stop)
    elif wanted.kind in ("any", "auto"):
        yield from _text_or_call_events(pieces, wanted, stop)
    elif wanted.kind == "json":
        yield from _json_events(pieces, stop)
    else:
        yield from _text_events(pieces, "", stop)
    finish = stop.finish
    assert finish is not None
    if finish.stop_type == "limit" and finish.tokens_in + finish.tokens_out >= context:
        stop.reason = "model_context_window_exceeded"
    elif finish.stop_type != "eos" or not stop.reason:
        stop.reason = _STOP_REASONS[finish.stop_type]


def _text_events(pieces: GeneratedPieces, prefix: str, stop: StopDetails) -> Iterator[Event]:
    has_text = bool(prefix)
    if prefix:
        yield _block_delta({"text": prefix})
    for piece in pieces:
        if isinstance(piece, Finish):
            stop.finish = piece
            break
        has_text = True
        yield _block_delta({"text": piece})
    if has_text:
        yield _BLOCK_STOP


def _json_events(pieces: GeneratedPieces, stop: StopDetails) -> Iterator[Event]:
    text = ""
    for event in _text_events(pieces, "", stop):
        text += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
        yield event
    if not _is_json(text):
        stop.reason = "malformed_model_output"


def _tool_events(pieces: GeneratedPieces, name: str, stop: StopDetails) -> Iterator[Event]:
    text = ""
    for piece in pieces:
        if isinstance(piece, Finish):
            stop.finish = piece
            break
        if not text:
            yield _block_start(name)
        text += piece
        yield _block_delta({"toolUse": {"input": piece}})
    if text:
        yield _BLOCK_STOP
    stop.reason = "tool_use" if _parse_object(text) is not None else "malformed_tool_use"


def _text_or_call_events(
    pieces: GeneratedPieces, wanted: AnswerFormat, stop: StopDetails
) -> Iterator[Event]:
    """Yield text as it comes, but hold back what may be a tool call until it is complete."""
    text = ""
    for piece in pieces:
        if isinstance(piece, Finish):
            stop.finish = piece
            break
        text += piece
        if wanted.kind == "auto" and not _may_be_call(text):
            yield from _text_events(pieces, text, stop)
            return
    yield from _call_events(text, wanted, stop)


def _may_be_call(text: str) -> bool:
    return CALL_START.startswith(text[: len(CALL_START)])


def _call_events(text: str, wanted: AnswerFormat, stop: StopDetails) -> Iterator[Event]:
    if wanted.kind == "auto" and not text.startswith(CALL_START):
        if text:
            yield _block_delta({"text": text})
            yield _BLOCK_STOP
        return
    call = _parse_object(text.removeprefix(CALL_START).removesuffix(CALL_END)) or {}
    name, arguments = call.get("name"), call.get("arguments")
    if name not in wanted.names or not isinstance(arguments, dict):
        stop.reason = "malformed_tool_use"
        return
    yield _block_start(str(name))
    yield _block_delta({"toolUse": {"input": json.dumps(arguments, ensure_ascii=False)}})
    yield _BLOCK_STOP
    stop.reason = "tool_use"


_BLOCK_STOP: Event = {"contentBlockStop": {"contentBlockIndex": 0}}


def _block_start(name: str) -> Event:
    use = {"toolUseId": f"tooluse_{secrets.token_urlsafe(16)}", "name": name}
    return {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": use}}}


def _block_delta(delta: Mapping[str, Any]) -> Event:
    return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": delta}}


def _parse_object(text: str) -> dict[str, Any] | None:
    parsed = json.loads(text) if _is_json(text) else None
    return parsed if isinstance(parsed, dict) else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def content_of_events(events: list[Event]) -> list[dict[str, Any]]:
    """Return the content of a complete answer, which is at most one block.

    A tool call whose arguments are incomplete is left out; the stop reason says why.
    """
    deltas = [
        event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event
    ]
    uses = [e["contentBlockStart"]["start"]["toolUse"] for e in events if "contentBlockStart" in e]
    if uses:
        parsed = _parse_object("".join(delta["toolUse"]["input"] for delta in deltas))
        return [] if parsed is None else [{"toolUse": {**uses[0], "input": parsed}}]
    text = "".join(delta["text"] for delta in deltas)
    return [{"text": text}] if text else []

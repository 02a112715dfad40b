"""The pieces of an answer as the content blocks that they are: text, or calls of tools.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.bedrock.content import CALL_CLOSES, CALL_OPENS
from localcloud.bedrock.llama import Finish
from localcloud.bedrock.tools import Expected

Event = Mapping[str, Any]
Pieces = Iterator["str | Finish"]

_STOP_REASONS = {"eos": "end_turn", "word": "stop_sequence", "limit": "max_tokens"}


@dataclass(slots=True)
class Ending:
    """How an answer ended, once its blocks were read: set by `blocks`."""

    finish: Finish | None = None
    reason: str = ""


def blocks(pieces: Pieces, wanted: Expected, context: int, ending: Ending) -> Iterator[Event]:
    """Yield the events of the content blocks, and tell `ending` how the answer ended."""
    if wanted.kind == "tool":
        yield from _tool(pieces, wanted.name, ending)
    elif wanted.kind in ("any", "auto"):
        yield from _text_or_call(pieces, wanted, ending)
    elif wanted.kind == "json":
        yield from _json(pieces, ending)
    else:
        yield from _text(pieces, "", ending)
    finish = ending.finish
    assert finish is not None
    if finish.stop_type == "limit" and finish.tokens_in + finish.tokens_out >= context:
        ending.reason = "model_context_window_exceeded"
    elif finish.stop_type != "eos" or not ending.reason:
        ending.reason = _STOP_REASONS[finish.stop_type]


def _text(pieces: Pieces, begun: str, ending: Ending) -> Iterator[Event]:
    said = bool(begun)
    if begun:
        yield _delta({"text": begun})
    for piece in pieces:
        if isinstance(piece, Finish):
            ending.finish = piece
            break
        said = True
        yield _delta({"text": piece})
    if said:
        yield _STOP


def _json(pieces: Pieces, ending: Ending) -> Iterator[Event]:
    text = ""
    for event in _text(pieces, "", ending):
        text += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
        yield event
    if not _is_json(text):
        ending.reason = "malformed_model_output"


def _tool(pieces: Pieces, name: str, ending: Ending) -> Iterator[Event]:
    text = ""
    for piece in pieces:
        if isinstance(piece, Finish):
            ending.finish = piece
            break
        if not text:
            yield _start(name)
        text += piece
        yield _delta({"toolUse": {"input": piece}})
    if text:
        yield _STOP
    ending.reason = "tool_use" if _object(text) is not None else "malformed_tool_use"


def _text_or_call(pieces: Pieces, wanted: Expected, ending: Ending) -> Iterator[Event]:
    """Hold back what may be a call until it is whole; pass on text as it comes."""
    text = ""
    for piece in pieces:
        if isinstance(piece, Finish):
            ending.finish = piece
            break
        text += piece
        if wanted.kind == "auto" and not _may_be_call(text):
            yield from _text(pieces, text, ending)
            return
    yield from _call(text, wanted, ending)


def _may_be_call(text: str) -> bool:
    return CALL_OPENS.startswith(text[: len(CALL_OPENS)])


def _call(text: str, wanted: Expected, ending: Ending) -> Iterator[Event]:
    if wanted.kind == "auto" and not text.startswith(CALL_OPENS):
        if text:
            yield _delta({"text": text})
            yield _STOP
        return
    called = _object(text.removeprefix(CALL_OPENS).removesuffix(CALL_CLOSES)) or {}
    name, arguments = called.get("name"), called.get("arguments")
    if name not in wanted.names or not isinstance(arguments, dict):
        ending.reason = "malformed_tool_use"
        return
    yield _start(str(name))
    yield _delta({"toolUse": {"input": json.dumps(arguments, ensure_ascii=False)}})
    yield _STOP
    ending.reason = "tool_use"


_STOP: Event = {"contentBlockStop": {"contentBlockIndex": 0}}


def _start(name: str) -> Event:
    use = {"toolUseId": f"tooluse_{secrets.token_urlsafe(16)}", "name": name}
    return {"contentBlockStart": {"contentBlockIndex": 0, "start": {"toolUse": use}}}


def _delta(delta: Mapping[str, Any]) -> Event:
    return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": delta}}


def _object(text: str) -> dict[str, Any] | None:
    read = json.loads(text) if _is_json(text) else None
    return read if isinstance(read, dict) else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def content_of(events: list[Event]) -> list[dict[str, Any]]:
    """Return the content of a whole answer: its one block, put together.

    A call whose arguments were cut short is left out; the stop reason says why.
    """
    deltas = [
        event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event
    ]
    uses = [e["contentBlockStart"]["start"]["toolUse"] for e in events if "contentBlockStart" in e]
    if uses:
        read = _object("".join(delta["toolUse"]["input"] for delta in deltas))
        return [] if read is None else [{"toolUse": {**uses[0], "input": read}}]
    text = "".join(delta["text"] for delta in deltas)
    return [{"text": text}] if text else []

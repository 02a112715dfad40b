"""What Bedrock's Converse answers, whole or streamed.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.contracts.generations import ChatOutput, Finish, ToolCall, Usage
from chalicelib.errors import ModelFailure
from chalicelib.generation.streams import Delta, Ended, TextDelta, ToolDelta

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
class Answer:
    """What Converse answered. `answered_by` is empty where the answer does not say."""

    output: ChatOutput
    usage: Usage
    answered_by: str


def answer(answered: Mapping[str, Any], *, calls: bool = True) -> Answer:
    """Return what Converse answered, without its calls of tools where it may make none.

    Raises:
        ModelFailure: the model wrote what Bedrock could not read, or nothing; with what it used,
            where that is told.
    """
    usage: Usage | None = None
    try:
        usage = _usage(answered["usage"])
        content = answered["output"]["message"]["content"]
        finish = _finish(str(answered["stopReason"]), usage)
        text = "".join(str(block["text"]) for block in content if "text" in block)
        wanted = tuple(_tool_call(block["toolUse"]) for block in content if "toolUse" in block)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFailure(
            f"The model's answer is none of Converse: {error!r}.",
            usage=usage,
            unaccounted=usage is None,
        ) from error
    if not calls:
        wanted, finish = (), _without_calls(finish)
    output = ChatOutput(text=text, tool_calls=wanted, finish=finish)
    return Answer(output, usage, _answered_by(answered))


def deltas(events: Iterable[Mapping[str, Any]], *, calls: bool = True) -> Iterator[Delta]:
    """Yield what ConverseStream streams, piece by piece, and how it ended as the last.

    Raises:
        ModelFailure: an event is none, or the stream ended without saying how.
    """
    told = _Told()
    for event in events:
        try:
            found = tuple(told.read(event))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelFailure(
                f"An event of the stream is none of Converse: {error!r}.", unaccounted=True
            ) from error
        for delta in found:
            if isinstance(delta, Ended):
                yield delta if calls else replace(delta, finish=_without_calls(delta.finish))
                return
            if calls or not isinstance(delta, ToolDelta):
                yield delta
    raise ModelFailure(
        "The model's answer broke off: the stream ended without its metadata.", unaccounted=True
    )


@dataclass(slots=True)
class _Told:
    """What a stream has told of its end, and its tool calls: their places by the blocks' own
    count, and those that have no arguments yet.
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
            yield Ended(_finish(self.stop, usage), usage, self.answered_by)

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
    """Return the tokens, those read from a cache or written into one among them."""
    read = sum(
        int(told.get(name) or 0)
        for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    )
    return Usage(tokens_in=read, tokens_out=int(told["outputTokens"]))


def _answered_by(told: Mapping[str, Any]) -> str:
    fields = told.get("additionalModelResponseFields") or {}
    return str((fields.get("localModel") or {}).get("name", ""))

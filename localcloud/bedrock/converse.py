"""Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.bedrock.conversation import chat_request
from localcloud.bedrock.llama import Finish, Llama
from localcloud.bedrock.stand_ins import StandIn
from localcloud.service import Params, Result

Choose = Callable[[str], tuple[StandIn, Llama]]
"""Returns who answers for a model id, ready to be asked. Raises AwsError."""

_STOP_REASONS = {"eos": "end_turn", "word": "stop_sequence", "limit": "max_tokens"}


class ConverseOperations:
    """The conversation, whole or streamed."""

    def __init__(self, choose: Choose, clock: Callable[[], float]) -> None:
        """Ask whom `choose` returns; `clock` gives seconds from any start."""
        self._choose = choose
        self._clock = clock

    def converse(self, params: Params) -> Result:
        """Return the whole answer. It can't be told from a stream that was put together."""
        text: list[str] = []
        answer: dict[str, Any] = {}
        for event in self._events(params):
            if "contentBlockDelta" in event:
                text.append(event["contentBlockDelta"]["delta"]["text"])
            answer.update(event.get("messageStop", {}))
            answer.update(event.get("metadata", {}))
        content = [{"text": "".join(text)}] if text else []
        return {"output": {"message": {"role": "assistant", "content": content}}, **answer}

    def converse_stream(self, params: Params) -> Result:
        """Return the answer's events. What fails before the first word fails the request."""
        events = self._events(params)
        first = next(events)
        return {"stream": _chained(first, events)}

    def _events(self, params: Params) -> Iterator[Mapping[str, Any]]:
        began = self._clock()
        request = chat_request(params)
        chosen, llama = self._choose(params["modelId"])
        pieces = llama.generate(request)
        piece = next(pieces)
        yield {"messageStart": {"role": "assistant"}}
        blocks = 0
        while isinstance(piece, str):
            yield {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": piece}}}
            blocks = 1
            piece = next(pieces)
        if blocks:
            yield {"contentBlockStop": {"contentBlockIndex": 0}}
        yield {
            "messageStop": {
                "stopReason": _stop_reason(piece, llama.context),
                "additionalModelResponseFields": chosen.named,
            }
        }
        yield {
            "metadata": {
                "usage": {
                    "inputTokens": piece.tokens_in,
                    "outputTokens": piece.tokens_out,
                    "totalTokens": piece.tokens_in + piece.tokens_out,
                },
                "metrics": {"latencyMs": round((self._clock() - began) * 1000)},
            }
        }


def _stop_reason(finish: Finish, context: int) -> str:
    if finish.stop_type == "limit" and finish.tokens_in + finish.tokens_out >= context:
        return "model_context_window_exceeded"
    return _STOP_REASONS[finish.stop_type]


def _chained(
    first: Mapping[str, Any], rest: Iterator[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    yield first
    yield from rest

"""The operations Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.bedrock.answer_events import Event, StopDetails, block_events, content_of_events
from localcloud.bedrock.answer_format import answer_format
from localcloud.bedrock.chat_request import chat_request, service_tier
from localcloud.bedrock.guardrails.enforcement import ConversationGuard, FindGuard
from localcloud.bedrock.llama import Finish, LlamaProcess
from localcloud.bedrock.stand_ins import StandIn
from localcloud.service import Params, Result

FindChatModel = Callable[[str], tuple[StandIn, LlamaProcess]]
"""Returns the local model that answers for a model id, and its process. Raises AwsError."""
CaptionImages = Callable[[Params], Params]
"""Returns Converse's parameters with words in place of images. Raises AwsError."""

_NO_TOKENS = Finish("eos", 0, 0)


class ConverseOperations:
    """The operations Converse and ConverseStream."""

    def __init__(
        self,
        find_model: FindChatModel,
        clock: Callable[[], float],
        find_guard: FindGuard,
        caption: CaptionImages,
    ) -> None:
        """Create the operations.

        Args:
            find_model: finds the model for a model id.
            clock: a monotonic clock in seconds.
            find_guard: finds the guard for a `guardrailConfig`.
            caption: replaces images by words.
        """
        self._find_model = find_model
        self._clock = clock
        self._find_guard = find_guard
        self._caption = caption

    def converse(self, params: Params) -> Result:
        """Return the whole answer, assembled from the same events that a stream has."""
        events = list(self._events(params))
        answer: dict[str, Any] = {}
        for event in events:
            answer.update(event.get("messageStop", {}))
            answer.update(event.get("metadata", {}))
        return {
            "output": {"message": {"role": "assistant", "content": content_of_events(events)}}
        } | answer

    def converse_stream(self, params: Params) -> Result:
        """Return the answer's events. An error before the first one fails the request itself."""
        events = self._events(params)
        first = next(events)
        return {"stream": _prepend(first, events)}

    def _events(self, params: Params) -> Iterator[Event]:
        began = self._clock()
        wanted = answer_format(params)
        tier = service_tier(params)
        guard = self._find_guard(params.get("guardrailConfig"))
        params = self._caption(params)
        request = chat_request(params, wanted)
        stand_in, llama = self._find_model(params["modelId"])
        identity: Mapping[str, Any] = {"additionalModelResponseFields": stand_in.identity_fields}
        stop = StopDetails()
        blocked = guard.blocked_input_message(params)
        if blocked is not None:
            body: Iterator[Event] = _blocked_input_events(blocked, stop)
            identity = {}
        else:
            pieces = llama.generate(guard.mask_request(request))
            body = guard.filter_output(block_events(pieces, wanted, llama.context, stop), stop)
        first = next(body, None)
        yield {"messageStart": {"role": "assistant"}}
        if first is not None:
            yield first
            yield from body
        yield {"messageStop": {"stopReason": stop.reason, **identity}}
        yield {"metadata": self._metadata(began, stop.finish or _NO_TOKENS, guard, tier)}

    def _metadata(
        self, began: float, finish: Finish, guard: ConversationGuard, tier: str | None
    ) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "usage": {
                "inputTokens": finish.tokens_in,
                "outputTokens": finish.tokens_out,
                "totalTokens": finish.tokens_in + finish.tokens_out,
            },
            "metrics": {"latencyMs": round((self._clock() - began) * 1000)},
        }
        if tier is not None:
            metadata["serviceTier"] = {"type": tier}
        trace = guard.trace()
        return {**metadata, "trace": {"guardrail": trace}} if trace else metadata


def _blocked_input_events(message: str, stop: StopDetails) -> Iterator[Event]:
    yield {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": message}}}
    yield {"contentBlockStop": {"contentBlockIndex": 0}}
    stop.reason = "guardrail_intervened"


def _prepend(first: Event, rest: Iterator[Event]) -> Iterator[Event]:
    yield first
    yield from rest

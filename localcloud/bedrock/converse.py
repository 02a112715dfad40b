"""Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.bedrock.answering import Ending, Event, blocks, content_of
from localcloud.bedrock.conversation import chat_request, service_tier
from localcloud.bedrock.guardrails.guarding import Guarding, GuardrailOf
from localcloud.bedrock.llama import Finish, Llama
from localcloud.bedrock.stand_ins import StandIn
from localcloud.bedrock.tools import expected
from localcloud.service import Params, Result

Choose = Callable[[str], tuple[StandIn, Llama]]
"""Returns who answers for a model id, ready to be asked. Raises AwsError."""

_NOTHING = Finish("eos", 0, 0)


class ConverseOperations:
    """The conversation, whole or streamed."""

    def __init__(
        self, choose: Choose, clock: Callable[[], float], guardrail_of: GuardrailOf
    ) -> None:
        """Ask whom `choose` returns; `clock` gives seconds from any start."""
        self._choose = choose
        self._clock = clock
        self._guardrail_of = guardrail_of

    def converse(self, params: Params) -> Result:
        """Return the whole answer. It can't be told from a stream that was put together."""
        events = list(self._events(params))
        answer: dict[str, Any] = {}
        for event in events:
            answer.update(event.get("messageStop", {}))
            answer.update(event.get("metadata", {}))
        return {
            "output": {"message": {"role": "assistant", "content": content_of(events)}}
        } | answer

    def converse_stream(self, params: Params) -> Result:
        """Return the answer's events. What fails before the first word fails the request."""
        events = self._events(params)
        first = next(events)
        return {"stream": _chained(first, events)}

    def _events(self, params: Params) -> Iterator[Event]:
        began = self._clock()
        wanted = expected(params)
        tier = service_tier(params)
        guarding = self._guardrail_of(params.get("guardrailConfig"))
        request = chat_request(params, wanted)
        chosen, llama = self._choose(params["modelId"])
        named: Mapping[str, Any] = {"additionalModelResponseFields": chosen.named}
        ending = Ending()
        refusal = guarding.refusal_of_input(params)
        if refusal is not None:
            body: Iterator[Event] = _refused(refusal, ending)
            named = {}
        else:
            pieces = llama.generate(guarding.masked(request))
            body = guarding.output(blocks(pieces, wanted, llama.context, ending), ending)
        first = next(body, None)
        yield {"messageStart": {"role": "assistant"}}
        if first is not None:
            yield first
            yield from body
        yield {"messageStop": {"stopReason": ending.reason, **named}}
        yield {"metadata": self._metadata(began, ending.finish or _NOTHING, guarding, tier)}

    def _metadata(
        self, began: float, finish: Finish, guarding: Guarding, tier: str | None
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
        trace = guarding.trace()
        return {**metadata, "trace": {"guardrail": trace}} if trace else metadata


def _refused(message: str, ending: Ending) -> Iterator[Event]:
    yield {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": message}}}
    yield {"contentBlockStop": {"contentBlockIndex": 0}}
    ending.reason = "guardrail_intervened"


def _chained(first: Event, rest: Iterator[Event]) -> Iterator[Event]:
    yield first
    yield from rest

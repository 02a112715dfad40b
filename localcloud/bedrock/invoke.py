"""InvokeModel and InvokeModelWithResponseStream, in the body of each family of models.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.generation.catalogue import Catalogue
from localcloud.bedrock import embeddings, titan
from localcloud.bedrock.bodies.families import family_of
from localcloud.bedrock.bodies.family import Body, malformed
from localcloud.bedrock.content import invalid
from localcloud.bedrock.converse import ConverseOperations
from localcloud.bedrock.embeddings import Embedder
from localcloud.bedrock.stand_ins import StandIn, stand_in
from localcloud.errors import AwsError
from localcloud.model_usage import ANSWERED_BY, LATENCY, METRICS, TOKENS_IN, TOKENS_OUT
from localcloud.service import EXTRA_HEADERS, Params, Result
from localcloud.wire import constraints
from localcloud.wire.requests import decode
from localcloud.wire.service_models import service_model

_JSON = frozenset({"application/json", "*/*", ""})
_IMAGES = re.compile(r"(?:^|[./])(?:amazon\.(?:nova-canvas|titan-image)|stability\.)")
_CANNOT = ("performanceConfigLatency", "projectIdentifier")


@dataclass(frozen=True, slots=True)
class InvokeOperations:
    """Invocations: chats by way of `converse`, vectors by the embedder that `embedder_of` gives.

    `clock` gives seconds from any start.
    """

    catalogue: Catalogue
    conversing: ConverseOperations
    embedder_of: Callable[[StandIn], Embedder]
    clock: Callable[[], float]

    def invoke_model(self, params: Params) -> Result:
        """Return the answer in the model's own format."""
        began = self.clock()
        body = _checked(params)
        chosen = self._chosen(params["modelId"])
        if chosen.asked.role == "text-embedding":
            answer, tokens = self._embedded(chosen, body)
            return self._result(params, chosen, answer, (tokens, 0), began)
        family = family_of(chosen.asked.model_id, body)
        answered = self.conversing.converse(_conversed(family.asked(body), params))
        answer = {**family.whole(answered, chosen.asked.model_id), **chosen.named}
        guarded = _guarded(params, answered)
        usage = answered["usage"]
        tokens_used = usage["inputTokens"], usage["outputTokens"]
        return self._result(params, chosen, {**answer, **guarded}, tokens_used, began)

    def invoke_model_with_response_stream(self, params: Params) -> Result:
        """Return the answer's chunks in the model's own format; the last has what it used."""
        began = self.clock()
        body = _checked(params)
        chosen = self._chosen(params["modelId"])
        if chosen.asked.role == "text-embedding":
            raise invalid(f"The model is unsupported for streaming: {params['modelId']}.")
        family = family_of(chosen.asked.model_id, body)
        stream = self.conversing.converse_stream(_conversed(family.asked(body), params))["stream"]
        seen = _Seen(self.clock, began)
        chunks = family.streamed(seen.watching(stream), chosen.asked.model_id)
        return {
            "body": _chunks(chunks, seen),
            "contentType": "application/json",
            **_tier(params),
            EXTRA_HEADERS: {ANSWERED_BY: chosen.model.name},
        }

    def _chosen(self, model_id: str) -> StandIn:
        if _IMAGES.search(model_id):
            raise invalid(
                f"The local cloud has no model that makes images, so nothing answers for {model_id}"
                " here. Use AWS, or an endpoint of SageMaker with a model of your own."
            )
        return stand_in(self.catalogue, model_id)

    def _embedded(self, chosen: StandIn, body: Body) -> tuple[Body, int]:
        embedder = self.embedder_of(chosen)
        model_id = chosen.asked.model_id
        if model_id.startswith("cohere."):
            return embeddings.cohere(body, embedder, chosen.named)
        if model_id.startswith("amazon.nova-"):
            return embeddings.nova(body, embedder, chosen.named)
        return titan.embed(body, embedder, chosen.named)

    def _result(
        self,
        params: Params,
        chosen: StandIn,
        answer: Body,
        tokens: tuple[int, int],
        began: float,
    ) -> Result:
        headers = {
            TOKENS_IN: str(tokens[0]),
            TOKENS_OUT: str(tokens[1]),
            LATENCY: str(round((self.clock() - began) * 1000)),
            ANSWERED_BY: chosen.model.name,
        }
        body = json.dumps(answer).encode()
        kind = {"contentType": "application/json", **_tier(params)}
        return {"body": body, **kind, EXTRA_HEADERS: headers}


def _checked(params: Params) -> Body:
    for name in _CANNOT:
        if name in params:
            raise invalid(f"The local model can't use {name}; leave it out, or use AWS.")
    for name in ("contentType", "accept"):
        if params.get(name, "") not in _JSON:
            raise invalid(f"The local model takes and gives application/json, not {name}.")
    try:
        body = json.loads(params.get("body", b""))
    except (ValueError, RecursionError) as error:
        raise malformed("the body is not JSON.") from error
    if not isinstance(body, dict):
        raise malformed("the body is not an object.")
    return body


def _conversed(asked: Body, params: Params) -> Body:
    """Return Converse's parameters for what a body asks, held to Converse's own shapes."""
    call = {**asked, "modelId": params["modelId"]}
    if "serviceTier" in params:
        call["serviceTier"] = {"type": params["serviceTier"]}
    if params.get("guardrailIdentifier"):
        call["guardrailConfig"] = {
            "guardrailIdentifier": params["guardrailIdentifier"],
            "guardrailVersion": params.get("guardrailVersion", ""),
            "trace": params.get("trace", "DISABLED").lower(),
        }
    try:
        return converse_params(call)
    except AwsError as error:
        raise malformed(error.message) from error


def converse_params(call: Body) -> Body:
    """Return Converse's parameters as its shape has them, from JSON. Raises AwsError."""
    shape = service_model("bedrock-runtime").operation_model("Converse").input_shape
    assert shape is not None
    decoded: Body = decode(shape, call)
    constraints.check(shape, decoded)
    return decoded


def _tier(params: Params) -> Body:
    return {"serviceTier": params["serviceTier"]} if "serviceTier" in params else {}


def _guarded(params: Params, answered: Mapping[str, Any]) -> Body:
    if not params.get("guardrailIdentifier"):
        return {}
    intervened = answered["stopReason"] == "guardrail_intervened"
    said: Body = {"amazon-bedrock-guardrailAction": "INTERVENED" if intervened else "NONE"}
    trace = answered.get("trace")
    return {**said, "amazon-bedrock-trace": trace} if trace else said


class _Seen:
    """What passed by in a stream of Converse: when its first event came, and its usage."""

    def __init__(self, clock: Callable[[], float], began: float) -> None:
        self._clock = clock
        self._began = began
        self._first: float | None = None
        self._usage: Mapping[str, int] = {}

    def watching(self, events: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        for event in events:
            if "contentBlockDelta" in event and self._first is None:
                self._first = self._clock()
            self._usage = event.get("metadata", {}).get("usage", self._usage)
            yield event

    def metrics(self) -> Body:
        now = self._clock()
        return {
            "inputTokenCount": self._usage.get("inputTokens", 0),
            "outputTokenCount": self._usage.get("outputTokens", 0),
            "invocationLatency": round((now - self._began) * 1000),
            "firstByteLatency": round(((self._first or now) - self._began) * 1000),
        }


def _chunks(bodies: Iterator[Body], seen: _Seen) -> Iterator[Mapping[str, Any]]:
    """Yield each body as a chunk, one late, so that the last can say what all of them used."""
    held = next(bodies)
    for body in bodies:
        yield _chunk(held)
        held = body
    yield _chunk({**held, METRICS: seen.metrics()})


def _chunk(body: Body) -> Mapping[str, Any]:
    return {"chunk": {"bytes": json.dumps(body).encode()}}

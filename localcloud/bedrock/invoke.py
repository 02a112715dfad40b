"""The operations InvokeModel and InvokeModelWithResponseStream, in each model's own bodies.

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
from localcloud.bedrock.bodies import embeddings
from localcloud.bedrock.bodies.anthropic import ANTHROPIC
from localcloud.bedrock.bodies.body_format import Body, BodyFormat, malformed_request
from localcloud.bedrock.bodies.embeddings import LocalEmbedder
from localcloud.bedrock.bodies.llama_mistral import LLAMA, MISTRAL, MISTRAL_CHAT
from localcloud.bedrock.bodies.nova import NOVA
from localcloud.bedrock.bodies.openai_chat import OPENAI_CHAT
from localcloud.bedrock.content import validation_error
from localcloud.bedrock.converse import ConverseOperations
from localcloud.bedrock.imports.operations import is_imported
from localcloud.bedrock.stand_ins import StandIn, find_stand_in
from localcloud.errors import AwsError
from localcloud.model_usage import ANSWERED_BY, LATENCY, METRICS, TOKENS_IN, TOKENS_OUT
from localcloud.service import EXTRA_HEADERS, Params, Result
from localcloud.wire import constraints
from localcloud.wire.requests import decode
from localcloud.wire.service_models import service_model

_FORMAT_BY_PREFIX: Mapping[str, BodyFormat] = {
    "amazon.nova-": NOVA,
    "anthropic.claude-": ANTHROPIC,
    "meta.llama": LLAMA,
    "mistral.": MISTRAL,
}


def body_format_of(model_id: str, body: Body) -> BodyFormat:
    """Return the body format of a chat model by its id. Raises ValidationException if unknown."""
    for prefix, body_format in _FORMAT_BY_PREFIX.items():
        if model_id.startswith(prefix):
            return MISTRAL_CHAT if body_format is MISTRAL and "messages" in body else body_format
    raise validation_error(
        f"The local cloud knows no body of InvokeModel for {model_id}; use Converse."
    )


_JSON_TYPES = frozenset({"application/json", "*/*", ""})
_IMAGE_MODEL = re.compile(r"(?:^|[./])(?:amazon\.(?:nova-canvas|titan-image)|stability\.)")
_UNSUPPORTED_FIELDS = ("performanceConfigLatency", "projectIdentifier")


@dataclass(frozen=True, slots=True)
class InvokeOperations:
    """The operations InvokeModel and InvokeModelWithResponseStream.

    Attributes:
        catalogue: the models that can be named.
        converse_operations: answers for chat models.
        embedder_of: opens the embedding model of a stand-in.
        clock: a monotonic clock in seconds.
        find_imported: finds an imported model by its ARN.
    """

    catalogue: Catalogue
    converse_operations: ConverseOperations
    embedder_of: Callable[[StandIn], LocalEmbedder]
    clock: Callable[[], float]
    find_imported: Callable[[str], StandIn]

    def invoke_model(self, params: Params) -> Result:
        """Return the response in the model's own body format."""
        began = self.clock()
        body = _parse_body(params)
        stand_in = self._find_stand_in(params["modelId"])
        if stand_in.bedrock_model.role == "text-embedding":
            answer, tokens = self._embed(stand_in, body)
            return self._result(params, stand_in, answer, (tokens, 0), began)
        body_format = _format(params["modelId"], stand_in, body)
        result = self.converse_operations.converse(
            _converse_call(body_format.parse_request(body), params)
        )
        answer = {
            **body_format.render_response(result, stand_in.bedrock_model.model_id),
            **stand_in.identity_fields,
        }
        guardrail = _guardrail_fields(params, result)
        usage = result["usage"]
        tokens_used = usage["inputTokens"], usage["outputTokens"]
        return self._result(params, stand_in, {**answer, **guardrail}, tokens_used, began)

    def invoke_model_with_response_stream(self, params: Params) -> Result:
        """Return the chunks in the model's own body format; the last has the metrics."""
        began = self.clock()
        body = _parse_body(params)
        stand_in = self._find_stand_in(params["modelId"])
        if stand_in.bedrock_model.role == "text-embedding":
            raise validation_error(f"The model is unsupported for streaming: {params['modelId']}.")
        body_format = _format(params["modelId"], stand_in, body)
        stream = self.converse_operations.converse_stream(
            _converse_call(body_format.parse_request(body), params)
        )["stream"]
        metrics = _StreamMetrics(self.clock, began)
        chunks = body_format.render_stream(metrics.observe(stream), stand_in.bedrock_model.model_id)
        return {
            "body": _chunks(chunks, metrics),
            "contentType": "application/json",
            **_service_tier(params),
            EXTRA_HEADERS: {ANSWERED_BY: stand_in.local_model.name},
        }

    def _find_stand_in(self, model_id: str) -> StandIn:
        if is_imported(model_id):
            return self.find_imported(model_id)
        if _IMAGE_MODEL.search(model_id):
            raise validation_error(
                f"The local cloud has no model that makes images, so nothing answers for {model_id}"
                " here. Use AWS, or an endpoint of SageMaker with a model of your own."
            )
        return find_stand_in(self.catalogue, model_id)

    def _embed(self, stand_in: StandIn, body: Body) -> tuple[Body, int]:
        embedder = self.embedder_of(stand_in)
        model_id = stand_in.bedrock_model.model_id
        if model_id.startswith("cohere."):
            return embeddings.embed_cohere(body, embedder, stand_in.identity_fields)
        if model_id.startswith("amazon.nova-"):
            return embeddings.embed_nova(body, embedder, stand_in.identity_fields)
        return embeddings.embed_titan(body, embedder, stand_in.identity_fields)

    def _result(
        self,
        params: Params,
        stand_in: StandIn,
        answer: Body,
        tokens: tuple[int, int],
        began: float,
    ) -> Result:
        headers = {
            TOKENS_IN: str(tokens[0]),
            TOKENS_OUT: str(tokens[1]),
            LATENCY: str(round((self.clock() - began) * 1000)),
            ANSWERED_BY: stand_in.local_model.name,
        }
        body = json.dumps(answer).encode()
        kind = {"contentType": "application/json", **_service_tier(params)}
        return {"body": body, **kind, EXTRA_HEADERS: headers}


def _format(model_id: str, stand_in: StandIn, body: Body) -> BodyFormat:
    if is_imported(model_id):
        return OPENAI_CHAT
    return body_format_of(stand_in.bedrock_model.model_id, body)


def _parse_body(params: Params) -> Body:
    for name in _UNSUPPORTED_FIELDS:
        if name in params:
            raise validation_error(f"The local model can't use {name}; leave it out, or use AWS.")
    for name in ("contentType", "accept"):
        if params.get(name, "") not in _JSON_TYPES:
            raise validation_error(f"The local model takes and gives application/json, not {name}.")
    try:
        body = json.loads(params.get("body", b""))
    except (ValueError, RecursionError) as error:
        raise malformed_request("the body is not JSON.") from error
    if not isinstance(body, dict):
        raise malformed_request("the body is not an object.")
    return body


def _converse_call(call_fields: Body, params: Params) -> Body:
    """Return Converse's parameters for a parsed body, checked by Converse's input shape."""
    call = {**call_fields, "modelId": params["modelId"]}
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
        raise malformed_request(error.message) from error


def converse_params(call: Body) -> Body:
    """Decode Converse's parameters from JSON and check them. Raises AwsError."""
    shape = service_model("bedrock-runtime").operation_model("Converse").input_shape
    assert shape is not None
    decoded: Body = decode(shape, call)
    constraints.check(shape, decoded)
    return decoded


def _service_tier(params: Params) -> Body:
    return {"serviceTier": params["serviceTier"]} if "serviceTier" in params else {}


def _guardrail_fields(params: Params, result: Mapping[str, Any]) -> Body:
    if not params.get("guardrailIdentifier"):
        return {}
    intervened = result["stopReason"] == "guardrail_intervened"
    fields: Body = {"amazon-bedrock-guardrailAction": "INTERVENED" if intervened else "NONE"}
    trace = result.get("trace")
    return {**fields, "amazon-bedrock-trace": trace} if trace else fields


class _StreamMetrics:
    """Records the time of the first content and the usage of a stream of Converse."""

    def __init__(self, clock: Callable[[], float], began: float) -> None:
        self._clock = clock
        self._began = began
        self._first: float | None = None
        self._usage: Mapping[str, int] = {}

    def observe(self, events: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
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


def _chunks(bodies: Iterator[Body], metrics: _StreamMetrics) -> Iterator[Mapping[str, Any]]:
    """Yield each body as a chunk, one behind, so that the last can have the metrics."""
    previous = next(bodies)
    for body in bodies:
        yield _chunk(previous)
        previous = body
    yield _chunk({**previous, METRICS: metrics.metrics()})


def _chunk(body: Body) -> Mapping[str, Any]:
    return {"chunk": {"bytes": json.dumps(body).encode()}}

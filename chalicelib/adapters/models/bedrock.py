"""Calls answered by Amazon Bedrock: chat by Converse, vectors and pictures by InvokeModel.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.eventstream import ParserError
from botocore.exceptions import ClientError
from urllib3.exceptions import HTTPError

from chalicelib.adapters.aws import translate, translated
from chalicelib.adapters.models.call_limits import client_timeout, with_earlier_usage
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    EmbedCall,
    EmbedOutput,
    ImageCall,
    ImageOutput,
    Reply,
    Usage,
)
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.generation.bodies import converse, embeddings, images, openai_chat
from chalicelib.generation.models import BedrockBackend, ModelRoute, ServedModel
from chalicelib.generation.tokens import estimated_tokens

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.streams import Delta

_DOING = "asking the model"
_PASSING: Mapping[str, type[HeadraceError]] = {
    "ModelNotReadyException": Transient,
    "ModelTimeoutException": Transient,
    "ServiceUnavailableException": Transient,
    "InternalServerException": Transient,
    "ServiceQuotaExceededException": Throttled,
    "ModelErrorException": ModelFailure,
    "ModelStreamErrorException": ModelFailure,
}
_UNTOLD = re.compile(r"[^a-zA-Z0-9\s:_@$#=/+,.-]")
_MOST_TOLD = 256
_ARN = re.compile(r"arn:[^\s\"',)]+")
_TOKENS_HEADER = "x-amzn-bedrock-input-token-count"


class BedrockCaller:
    """Every model on Bedrock, asked in the region of the route."""

    def __init__(self, client_of: Callable[[str, int], BedrockRuntimeClient], seconds: int) -> None:
        """Ask by the client of a region that waits for so many seconds, `seconds` at most."""
        self._client_of = client_of
        self._seconds = seconds

    def generate(
        self, model: ServedModel, route: ModelRoute, call: Call, asking: CallContext
    ) -> Reply:
        """Return the answer of `model` to `call`.

        Raises:
            Throttled, Transient: it may be asked again.
            InvalidInput: it does not take the call.
            Unsupported: nothing on Bedrock answers such calls.
            ModelFailure: it gave nothing usable.
        """
        began = time.monotonic()
        if isinstance(call, ChatCall):
            reply = self._chat(model, route, call, asking)
        elif isinstance(call, EmbedCall):
            reply = self._embed(model, route, call, asking)
        elif isinstance(call, ImageCall):
            reply = self._draw(model, route, call, asking)
        else:
            raise Unsupported(f"{model.name} does not answer calls of {call.task}.", field="model")
        return reply.model_copy(update={"seconds": round(time.monotonic() - began, 6)})

    def stream(
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        """Yield the answer as it is made. Raises as `generate` does, also while it is made."""
        if _answers_invoke(model):
            yield from self._invoke_stream(route, call, asking)
            return
        body = _body(call, asking)
        with _told():
            client = self._client(route, asking)
            answered: Any = client.converse_stream(modelId=route.model_id, **body)
            with closing(answered["stream"]) as events:
                yield from converse.parse_stream(_read(events), calls=converse.may_call_tools(call))

    def _chat(
        self, model: ServedModel, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Reply:
        if _answers_invoke(model):
            told, _, by = self._invoked(route, openai_chat.build_request(call), asking)
            return openai_chat.chat_reply(told, call, model.name, by or route.model_id)
        body = _body(call, asking)
        with _told():
            client = self._client(route, asking)
            answered: Any = client.converse(modelId=route.model_id, **body)
        read = converse.parse_answer(answered, calls=converse.may_call_tools(call))
        return Reply(
            model=model.name,
            answered_by=read.answered_by or route.model_id,
            output=read.output,
            usage=read.usage,
            seconds=0.0,
            service_tier=asking.service_tier,
        )

    def _invoke_stream(
        self, route: ModelRoute, call: ChatCall, asking: CallContext
    ) -> Iterator[Delta]:
        body = openai_chat.build_request(call, stream=True)
        with _told():
            answered: Any = self._client(route, asking).invoke_model_with_response_stream(
                modelId=route.model_id,
                body=json.dumps(body).encode(),
                contentType="application/json",
                accept="application/json",
            )
            with closing(answered["body"]) as events:
                yield from openai_chat.parse_stream(_server_sent(_read(events)), call)

    def _embed(
        self, model: ServedModel, route: ModelRoute, call: EmbedCall, asking: CallContext
    ) -> Reply:
        embeddings.require_texts(call, model.name)
        schema = embeddings.BEDROCK_FORMATS[_schema(model)]
        vectors: list[tuple[float, ...]] = []
        tokens, answered_by = 0, ""
        for body in schema.requests(call):
            with with_earlier_usage(Usage(tokens_in=tokens)):
                answer, counted, answered_by = self._invoked(route, body, asking)
                found = schema.answer(answer)
            first = len(vectors)
            vectors += found.vectors
            told = found.tokens if found.tokens is not None else counted
            tokens += told or sum(map(estimated_tokens, call.texts[first : len(vectors)]))
        if len(vectors) != len(call.texts):
            raise ModelFailure(
                f"{model.name} gave {len(vectors)} vectors for {len(call.texts)} texts.",
                usage=Usage(tokens_in=tokens),
            )
        return Reply(
            model=model.name,
            answered_by=answered_by or route.model_id,
            output=EmbedOutput(vectors=tuple(vectors)),
            usage=Usage(tokens_in=tokens),
            seconds=0.0,
        )

    def _draw(
        self, model: ServedModel, route: ModelRoute, call: ImageCall, asking: CallContext
    ) -> Reply:
        schema = images.BEDROCK_FORMATS[_schema(model)]
        pictures: list[bytes] = []
        answered_by = ""
        for body in schema.requests(call):
            with with_earlier_usage(Usage(images=len(pictures))):
                answer, _, answered_by = self._invoked(route, body, asking)
                pictures += schema.answer(answer).images
        return Reply(
            model=model.name,
            answered_by=answered_by or route.model_id,
            output=ImageOutput.model_construct(images=tuple(pictures)),
            usage=Usage(images=len(pictures)),
            seconds=0.0,
        )

    def _client(self, route: ModelRoute, asking: CallContext) -> BedrockRuntimeClient:
        """Return the client that waits no longer than the call may take, by steps of seconds: each
        wait takes a client of its own, which is made once.
        """
        return self._client_of(route.region, client_timeout(asking.seconds_left, self._seconds))

    def _invoked(
        self, route: ModelRoute, body: Mapping[str, Any], asking: CallContext
    ) -> tuple[Mapping[str, Any], int, str]:
        """Return what InvokeModel answered, the tokens that its header counts, and by whom."""
        with _told():
            answered: Any = self._client(route, asking).invoke_model(
                modelId=route.model_id,
                body=json.dumps(body).encode(),
                contentType="application/json",
                accept="application/json",
            )
            raw = answered["body"].read()
        headers = answered["ResponseMetadata"]["HTTPHeaders"]
        try:
            read: Any = json.loads(raw)
        except ValueError as error:
            raise ModelFailure(
                f"{route.model_id} answered what is not JSON.", unaccounted=True
            ) from error
        if not isinstance(read, dict):
            raise ModelFailure(
                f"{route.model_id} answered JSON that is no object.", unaccounted=True
            )
        by = str((read.get("localModel") or {}).get("name", ""))
        return read, int(headers.get(_TOKENS_HEADER, 0)), by


def _body(call: ChatCall, asking: CallContext) -> dict[str, Any]:
    """Return the body of Converse, with who asks and by which request for Bedrock's own log.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
    """
    told = {"tenant": asking.tenant, "request": asking.correlation_id}
    known = {name: _UNTOLD.sub("_", value)[:_MOST_TOLD] for name, value in told.items() if value}
    return {**converse.build_request(call, asking.service_tier), "requestMetadata": known}


def _schema(model: ServedModel) -> str:
    assert isinstance(model.backend, BedrockBackend), "the plan goes by the kind of the backend"
    return model.backend.schema


def _answers_invoke(model: ServedModel) -> bool:
    """Return whether a chat model is asked by InvokeModel, in OpenAI's body, as imported ones are.

    https://docs.aws.amazon.com/bedrock/latest/userguide/invoke-imported-model.html
    """
    return isinstance(model.backend, BedrockBackend) and model.backend.api == "invoke"


def _server_sent(events: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the chunks of a stream of InvokeModel as the events of OpenAI's API."""
    for event in events:
        if "chunk" in event:
            yield b"data: " + event["chunk"]["bytes"] + b"\n\n"
    yield b"data: [DONE]\n\n"


def _read(events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a stream; botocore lets what breaks its connection through as it is."""
    try:
        yield from events
    except (HTTPError, ParserError, OSError) as error:
        raise Transient(f"{_DOING}: the stream broke: {error!r}", unaccounted=True) from error


@contextmanager
def _told() -> Iterator[None]:
    """Raise what boto3 raises inside the block by Bedrock's own table, then by the house's."""
    with translated(_DOING):
        try:
            yield
        except ClientError as error:
            raise _failure(error) from error


def _throttled(error: ClientError, details: Any) -> Throttled:
    """Return our error for throttling, with the seconds that the service names, if it does."""
    headers = details.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    named = str(headers.get("retry-after", ""))
    if not named.isdecimal():
        return Throttled(f"{_DOING}: {error}")
    message = str(details.get("Error", {}).get("Message", error))
    return Throttled(message, retry_after=max(1, int(named)))


def _failure(error: ClientError) -> HeadraceError:
    """Return our error. Within a stream Bedrock begins the names of its errors in lower case."""
    details: Any = error.response
    code = str(details.get("Error", {}).get("Code", ""))
    code = code[:1].upper() + code[1:]
    if code in _PASSING:
        return _PASSING[code](f"{_DOING}: {error}")
    if code == "ThrottlingException":
        return _throttled(error, details)
    if code == "ValidationException":
        message = str(details.get("Error", {}).get("Message", error))
        return InvalidInput(f"The model does not take this: {_ARN.sub('…', message)}")
    return translate(error, _DOING)

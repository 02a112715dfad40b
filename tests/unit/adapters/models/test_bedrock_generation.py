from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.eventstream import EventStreamBuffer, ParserError
from botocore.exceptions import EventStreamError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from chalicelib.adapters.models.bedrock import BedrockCaller
from chalicelib.contracts.generations import (
    ChatCall,
    ChatOutput,
    EmbedCall,
    EmbedOutput,
    ImageCall,
    ImageOutput,
    Message,
    TextPart,
    Usage,
)
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    Throttled,
    Transient,
)
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BedrockBackend, ModelRoute, ServedModel
from chalicelib.generation.streams import StreamEnd, TextDelta
from tests import clients

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),), max_tokens=8)
ASKING = CallContext("t", "c")


def client() -> BedrockRuntimeClient:
    made: BedrockRuntimeClient = clients.client("bedrock-runtime")
    return made


@contextmanager
def asked() -> Iterator[tuple[BedrockCaller, Stubber]]:
    bedrock = client()
    with Stubber(bedrock) as stub:
        yield BedrockCaller(lambda region, seconds: bedrock, 25), stub
        stub.assert_no_pending_responses()


def way(name: str, region: str = "us-east-1") -> tuple[ServedModel, ModelRoute]:
    model = served_models().model(name)
    route = model.backend.route(region)
    assert route is not None
    return model, route


def said(text: str, **more: Any) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 9, "outputTokens": 3, "totalTokens": 12},
        "metrics": {"latencyMs": 5},
        **more,
    }


def invoked(body: Any, **headers: str) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {
        "body": StreamingBody(io.BytesIO(raw), len(raw)),
        "contentType": "application/json",
        "ResponseMetadata": {"HTTPHeaders": headers, "HTTPStatusCode": 200},
    }


def test_a_chat_should_be_asked_of_the_model_by_its_id() -> None:
    with asked() as (backend, stub):
        stub.add_response(
            "converse",
            said("Hi"),
            {
                "modelId": "amazon.nova-micro-v1:0",
                "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
                "inferenceConfig": {"maxTokens": 8},
                "requestMetadata": {"tenant": "t", "request": "c"},
            },
        )
        reply = backend.generate(*way("nova-micro"), HELLO, ASKING)
    assert reply.output == ChatOutput(text="Hi")
    assert reply.usage == Usage(tokens_in=9, tokens_out=3)
    assert (reply.model, reply.answered_by) == ("nova-micro", "amazon.nova-micro-v1:0")


def test_who_asks_should_be_told_in_the_letters_that_bedrock_takes() -> None:
    with asked() as (backend, stub):
        told = {"tenant": "t_ n", "request": "c" * 256}
        expected = {
            "modelId": ANY,
            "messages": ANY,
            "inferenceConfig": ANY,
            "requestMetadata": told,
        }
        stub.add_response("converse", said("Hi"), expected)
        backend.generate(*way("nova-micro"), HELLO, CallContext("tü n", "c" * 300))


def test_a_region_should_ask_by_its_profile_and_flex_should_be_said() -> None:
    with asked() as (backend, stub):
        expected = {
            "modelId": "eu.amazon.nova-micro-v1:0",
            "messages": ANY,
            "inferenceConfig": ANY,
            "serviceTier": {"type": "flex"},
            "requestMetadata": ANY,
        }
        stub.add_response("converse", said("Hi"), expected)
        assert (
            backend.generate(
                *way("nova-micro", "eu-central-1"), HELLO, replace(ASKING, service_tier="flex")
            ).service_tier
            == "flex"
        )


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 429, Throttled),
        ("ServiceQuotaExceededException", 400, Throttled),
        ("ModelNotReadyException", 429, Transient),
        ("ModelTimeoutException", 408, Transient),
        ("ServiceUnavailableException", 503, Transient),
        ("InternalServerException", 500, Transient),
        ("ModelErrorException", 424, ModelFailure),
        ("ValidationException", 400, InvalidInput),
        ("AccessDeniedException", 403, HeadraceError),
    ],
)
def test_what_bedrock_refuses_should_be_one_of_our_errors(
    code: str, status: int, kind: type[HeadraceError]
) -> None:
    with asked() as (backend, stub):
        stub.add_client_error("converse", code, "no", status)
        with pytest.raises(HeadraceError) as raised:
            backend.generate(*way("nova-micro"), HELLO, ASKING)
    assert type(raised.value) is kind


def test_throttling_that_says_when_to_come_again_should_be_told_with_it() -> None:
    with asked() as (backend, stub):
        stub.add_client_error(
            "converse",
            "ThrottlingException",
            "3 wait before this one.",
            429,
            response_meta={"HTTPHeaders": {"retry-after": "7"}},
        )
        with pytest.raises(Throttled) as raised:
            backend.generate(*way("nova-micro"), HELLO, ASKING)
    assert (raised.value.message, raised.value.retry_after) == ("3 wait before this one.", 7)


def test_texts_should_be_embedded_one_after_the_other_and_their_tokens_counted() -> None:
    with asked() as (backend, stub):
        for n, text in enumerate(("a", "b")):
            stub.add_response(
                "invoke_model",
                invoked({"embedding": [n, 1.0], "inputTextTokenCount": 2 + n}),
                {
                    "modelId": "amazon.titan-embed-text-v2:0",
                    "body": json.dumps({"inputText": text}).encode(),
                    "contentType": "application/json",
                    "accept": "application/json",
                },
            )
        reply = backend.generate(*way("titan-embed-text-v2"), EmbedCall(texts=("a", "b")), ASKING)
    assert reply.output == EmbedOutput(vectors=((0.0, 1.0), (1.0, 1.0)))
    assert reply.usage.tokens_in == 5


def test_tokens_should_be_taken_from_the_header_where_the_body_has_none() -> None:
    with asked() as (backend, stub):
        headers = {"x-amzn-bedrock-input-token-count": "7"}
        stub.add_response(
            "invoke_model", invoked({"embeddings": {"float": [[1.0], [2.0]]}}, **headers)
        )
        reply = backend.generate(
            *way("cohere-embed-english-v3"), EmbedCall(texts=("a", "b")), ASKING
        )
    assert reply.usage.tokens_in == 7


def test_too_few_vectors_should_be_a_failure() -> None:
    with asked() as (backend, stub):
        stub.add_response("invoke_model", invoked({"embeddings": {"float": [[1.0]]}}))
        with pytest.raises(ModelFailure, match="1 vectors for 2 texts"):
            backend.generate(*way("cohere-embed-english-v3"), EmbedCall(texts=("a", "b")), ASKING)


def test_pictures_should_be_drawn_in_as_many_requests_as_it_takes() -> None:
    picture = base64.b64encode(b"PNG").decode()
    with asked() as (backend, stub):
        stub.add_response("invoke_model", invoked({"images": [picture] * 5}))
        stub.add_response("invoke_model", invoked({"images": [picture]}))
        reply = backend.generate(*way("nova-canvas"), ImageCall(prompt="a weir", count=6), ASKING)
    assert isinstance(reply.output, ImageOutput)
    assert reply.output.images == (b"PNG",) * 6
    assert reply.usage == Usage(images=6)
    assert ImageOutput.model_validate_json(reply.output.model_dump_json()) == reply.output


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_an_answer_that_is_no_json_object_should_be_a_failure(body: bytes) -> None:
    with asked() as (backend, stub):
        stub.add_response("invoke_model", invoked(body))
        with pytest.raises(ModelFailure, match="JSON"):
            backend.generate(*way("nova-canvas"), ImageCall(prompt="a weir"), ASKING)


class Streaming:
    """Answers ConverseStream with events that were made up, and errors in their midst."""

    def __init__(self, *events: dict[str, Any] | Exception) -> None:
        self._events = events
        self.closed = 0

    def converse_stream(self, **_: Any) -> dict[str, Any]:
        return {"stream": self}

    def invoke_model_with_response_stream(self, **_: Any) -> dict[str, Any]:
        return {"body": self}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._told()

    def close(self) -> None:
        self.closed += 1

    def _told(self) -> Iterator[dict[str, Any]]:
        for event in self._events:
            if isinstance(event, Exception):
                raise event
            yield event


PIECE = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}}


def test_a_stream_should_be_told_as_it_comes() -> None:
    fake: Any = Streaming(
        {"messageStart": {"role": "assistant"}},
        PIECE,
        {"messageStop": {"stopReason": "end_turn"}},
        {"metadata": {"usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}},
    )
    told = BedrockCaller(lambda region, seconds: fake, 25).stream(*way("nova-micro"), HELLO, ASKING)
    assert list(told) == [
        TextDelta("Hi"),
        StreamEnd("stop", Usage(tokens_in=1, tokens_out=1), ""),
    ]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("throttlingException", Throttled),
        ("modelStreamErrorException", ModelFailure),
        ("internalServerException", Transient),
        ("validationException", InvalidInput),
    ],
)
def test_a_stream_that_breaks_should_be_one_of_our_errors(
    code: str, kind: type[HeadraceError]
) -> None:
    broken = EventStreamError({"Error": {"Code": code, "Message": "no"}}, "ConverseStream")
    fake: Any = Streaming(PIECE, broken)
    told = BedrockCaller(lambda region, seconds: fake, 25).stream(*way("nova-micro"), HELLO, ASKING)
    assert next(told) == TextDelta("Hi")
    with pytest.raises(HeadraceError) as raised:
        next(told)
    assert type(raised.value) is kind
    assert fake.closed == 1


class NoPool:
    """Stands where urllib3 names the pool of a connection."""

    host, port = "bedrock", 443


def cut_stream() -> Exception:
    """Return what botocore raises for an event that is not whole, told by botocore itself."""
    buffer = EventStreamBuffer()
    buffer.add_data(b"\x00" * 32)
    try:
        next(buffer)
    except ParserError as error:
        return error
    raise AssertionError("nulls are no event")


@pytest.mark.parametrize(
    "broken",
    [
        ReadTimeoutError(cast("Any", NoPool()), "", "Read timed out."),
        ProtocolError("Connection broken: IncompleteRead"),
        ConnectionResetError("reset"),
        cut_stream(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_stream_whose_connection_breaks_should_be_transient_and_unaccounted(
    broken: Exception,
) -> None:
    fake: Any = Streaming(PIECE, broken)
    told = BedrockCaller(lambda region, seconds: fake, 25).stream(*way("nova-micro"), HELLO, ASKING)
    assert next(told) == TextDelta("Hi")
    with pytest.raises(Transient) as raised:
        next(told)
    assert raised.value.unaccounted
    assert fake.closed == 1


def test_who_stops_listening_should_close_the_connection() -> None:
    fake: Any = Streaming(PIECE, PIECE)
    told = BedrockCaller(lambda region, seconds: fake, 25).stream(*way("nova-micro"), HELLO, ASKING)
    next(told)
    del told
    assert fake.closed == 1


@pytest.mark.parametrize(
    ("left", "waits"), [(None, 25), (60.0, 25), (24.9, 20), (20.0, 20), (7.2, 5), (3.0, 3)]
)
def test_a_model_should_be_waited_for_no_longer_than_its_call_may_take(
    left: float | None, waits: int
) -> None:
    asked_for: list[tuple[str, int]] = []

    def client_of(region: str, seconds: int) -> Any:
        asked_for.append((region, seconds))
        return Streaming()

    told = BedrockCaller(client_of, 25).stream(
        *way("nova-micro"), HELLO, CallContext("t", "c", seconds_left=left)
    )
    with pytest.raises(ModelFailure):
        list(told)
    assert asked_for == [("us-east-1", waits)]


def test_what_earlier_requests_of_a_call_used_should_be_told_with_the_failure() -> None:
    vector = {"embedding": [0.5], "inputTextTokenCount": 3}
    with asked() as (backend, stub):
        stub.add_response("invoke_model", invoked(vector))
        stub.add_client_error("invoke_model", "ThrottlingException")
        with pytest.raises(Throttled) as throttled:
            backend.generate(*way("titan-embed-text-v2"), EmbedCall(texts=("a", "b")), ASKING)
    assert throttled.value.usage == Usage(tokens_in=3)
    made = {"images": [base64.b64encode(b"PNG").decode()] * 5}
    with asked() as (backend, stub):
        stub.add_response("invoke_model", invoked(made))
        stub.add_response("invoke_model", invoked(b"{"))
        with pytest.raises(ModelFailure) as failed:
            backend.generate(*way("nova-canvas"), ImageCall(prompt="a weir", count=6), ASKING)
    assert failed.value.usage == Usage(images=5)
    assert failed.value.unaccounted


def test_a_refusal_should_name_no_resource_of_the_account() -> None:
    with asked() as (backend, stub):
        message = "Model arn:aws:bedrock:us-east-1:123456789012:inference-profile/x, no."
        stub.add_client_error("converse", "ValidationException", message)
        with pytest.raises(InvalidInput, match="Model …, no") as refused:
            backend.generate(*way("nova-micro"), HELLO, ASKING)
    assert "123456789012" not in str(refused.value)


IMPORTED = "arn:aws:bedrock:us-east-1:000000000000:imported-model/abc123def456"
OPENAI_BODY = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}


def imported() -> tuple[ServedModel, ModelRoute]:
    """Return an imported model, which answers InvokeModel by chat completions alone."""
    model, _ = way("nova-micro")
    assert isinstance(model.backend, BedrockBackend)
    backend = replace(
        model.backend, model_id=IMPORTED, api="invoke", schema="openai-chat", profiles={}
    )
    route = backend.route("us-east-1")
    assert route is not None
    return replace(model, name="notes", backend=backend), route


def test_an_imported_model_should_be_asked_by_chat_completions() -> None:
    choice = {"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "length"}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    with asked() as (backend, stub):
        stub.add_response(
            "invoke_model",
            invoked({"choices": [choice], "usage": usage}),
            {
                "modelId": IMPORTED,
                "body": json.dumps(OPENAI_BODY).encode(),
                "contentType": "application/json",
                "accept": "application/json",
            },
        )
        reply = backend.generate(*imported(), HELLO, ASKING)
    assert reply.output == ChatOutput(text="Hi", finish="length")
    assert reply.usage == Usage(tokens_in=9, tokens_out=3)
    assert (reply.model, reply.answered_by) == ("notes", IMPORTED)


def test_an_imported_model_that_is_not_ready_may_be_asked_again() -> None:
    with asked() as (backend, stub):
        stub.add_client_error("invoke_model", "ModelNotReadyException", http_status_code=429)
        with pytest.raises(Transient):
            backend.generate(*imported(), HELLO, ASKING)


def test_the_chunks_of_an_imported_model_should_be_streamed() -> None:
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
    ]
    fake: Any = Streaming(*[{"chunk": {"bytes": json.dumps(each).encode()}} for each in chunks])
    told = BedrockCaller(lambda region, seconds: fake, 25).stream(*imported(), HELLO, ASKING)
    first, *_, last = list(told)
    assert first == TextDelta("Hi")
    assert isinstance(last, StreamEnd)
    assert last.usage == Usage(tokens_in=9, tokens_out=3)
    assert fake.closed == 1

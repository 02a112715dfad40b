"""Endpoints as backends, on fakes of SageMaker's runtime and of S3."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.adapters.models.endpoint import EndpointCaller
from chalicelib.adapters.models.endpoint_client import (
    RETRY_AFTER_S,
    AsyncInvocations,
    AsyncWait,
    RealTimeInvocations,
)
from chalicelib.contracts.generations import (
    ChatCall,
    EmbedCall,
    ImageCall,
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
    Unsupported,
)
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.models import (
    EndpointBackend,
    Lifecycle,
    ModelLimits,
    ModelRoute,
    ServedModel,
)
from chalicelib.generation.streams import StreamEnd, TextDelta

CHAT = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hi"),)),))
COMPLETION = {
    "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}
ROUTE = ModelRoute("mine", "us-east-1", "region", Decimal(1))
ASKING = CallContext("acme", "request-1")
BUCKET = "documents"


def model(schema: str = "openai-chat", *, asynchronous: bool = False) -> ServedModel:
    return ServedModel(
        name="own",
        title="Own",
        provider="Us",
        task="chat",
        tier=1,
        licence="none",
        backend=EndpointBackend("mine", schema, asynchronous),
        limits=ModelLimits(context_tokens=1_000, output_tokens=100),
        inputs=frozenset({"text"}),
        outputs=frozenset({"text"}),
        abilities=frozenset({"streams"}),
        refuses=(),
        fallbacks=(),
        lifecycle=Lifecycle("active"),
    )


def refusal(code: str, message: str = "no", status: int = 400, **more: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, "InvokeEndpoint")


@dataclass
class FakeS3:
    """Objects by bucket and key."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def get_object(self, **place: str) -> dict[str, Any]:
        found = self.objects.get((place["Bucket"], place["Key"]))
        if found is None:
            raise refusal("NoSuchKey", status=404)
        return {"Body": io.BytesIO(found)}

    def put_object(self, **given: Any) -> None:
        self.objects[given["Bucket"], given["Key"]] = given["Body"]

    def delete_object(self, **place: str) -> None:
        self.objects.pop((place["Bucket"], place["Key"]), None)


@dataclass
class FakeRuntime:
    """An endpoint that answers `bodies` in turn, or fails with `error`."""

    bodies: list[Any] = field(default_factory=list)
    error: Exception | None = None
    stream: tuple[Any, ...] = ()
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def _next(self, params: Mapping[str, Any]) -> Any:
        self.asked.append(params)
        if self.error is not None:
            raise self.error
        return self.bodies.pop(0) if self.bodies else None

    def invoke_endpoint(self, **params: Any) -> Any:
        body = self._next(params)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return {"Body": io.BytesIO(raw)}

    def invoke_endpoint_with_response_stream(self, **params: Any) -> Any:
        self._next(params)
        return {"Body": ({"PayloadPart": {"Bytes": piece}} for piece in self.stream)}

    def invoke_endpoint_async(self, **params: Any) -> Any:
        self._next(params)
        number = len(self.asked)
        return {
            "OutputLocation": f"s3://{BUCKET}/out/{number}",
            "FailureLocation": f"s3://{BUCKET}/failed/{number}",
        }


@dataclass
class Bench:
    """A backend with what stands behind it. `slept` are the pauses between looks."""

    runtime: FakeRuntime
    s3: FakeS3
    slept: list[float]
    during: Callable[[int], None] = lambda _: None
    waits: list[int] = field(default_factory=list)

    def backend(self, waiting: AsyncWait | None = None) -> EndpointCaller:
        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.during(len(self.slept))

        later = AsyncInvocations(
            self.runtime,
            self.s3,  # type: ignore[arg-type]
            BUCKET,
            waiting or AsyncWait(seconds=2.0),
            sleep,
        )
        return EndpointCaller(RealTimeInvocations(self._client_of, 25), later)

    def _client_of(self, seconds: int) -> FakeRuntime:
        self.waits.append(seconds)
        return self.runtime

    def later(self, looks: int, key: str, body: bytes) -> None:
        """Have an object be there after so many looks."""

        def during(count: int) -> None:
            if count == looks:
                self.s3.objects[BUCKET, key] = body

        self.during = during


@pytest.fixture
def bench() -> Bench:
    return Bench(FakeRuntime(), FakeS3(), [])


def test_a_chat_should_be_asked_once_and_told_with_its_usage(bench: Bench) -> None:
    bench.runtime.bodies = [COMPLETION]
    reply = bench.backend().generate(model(), ROUTE, CHAT, ASKING)
    assert (reply.output.text, reply.usage) == ("Hello", Usage(tokens_in=3, tokens_out=1))  # type: ignore[union-attr]
    assert (reply.model, reply.answered_by) == ("own", "mine")
    (asked,) = bench.runtime.asked
    assert (asked["EndpointName"], asked["ContentType"]) == ("mine", "application/json")
    assert "TargetVariant" not in asked, "the weights of the endpoint decide"


def test_a_variant_that_is_named_should_be_the_one_that_is_asked(bench: Bench) -> None:
    bench.runtime.bodies = [COMPLETION]
    end = {"choices": [{"delta": {"content": "Hel"}, "finish_reason": "stop"}]}
    bench.runtime.stream = (f"data: {json.dumps(end)}\n\n".encode(),)
    asking = CallContext("acme", "request-1", variant="challenger")
    bench.backend().generate(model(), ROUTE, CHAT, asking)
    list(bench.backend().stream(model(), ROUTE, CHAT, asking))
    assert [asked["TargetVariant"] for asked in bench.runtime.asked] == ["challenger"] * 2


def test_texts_should_be_embedded_in_slices_and_put_together(bench: Bench) -> None:
    bench.runtime.bodies = [[[1.0]] * 32, [[2.0]] * 8]
    call = EmbedCall(texts=tuple(f"text {n}" for n in range(40)))
    reply = bench.backend().generate(model("tei-embedding"), ROUTE, call, ASKING)
    assert [vector[0] for vector in reply.output.vectors] == [1.0] * 32 + [2.0] * 8  # type: ignore[union-attr]
    assert reply.usage.tokens_in >= 40, "what is not told is estimated"


def test_too_few_vectors_should_be_the_models_failure(bench: Bench) -> None:
    bench.runtime.bodies = [[[1.0]]]
    with pytest.raises(ModelFailure, match="1 vectors for 2 texts"):
        bench.backend().generate(model("tei-embedding"), ROUTE, EmbedCall(texts=("a", "b")), ASKING)


def test_a_stream_should_be_handed_on_as_it_comes(bench: Bench) -> None:
    last = {"choices": [{"delta": {"content": "Hel"}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    bench.runtime.stream = tuple(f"data: {json.dumps(e)}\n\n".encode() for e in (last, usage))
    deltas = list(bench.backend().stream(model(), ROUTE, CHAT, ASKING))
    assert deltas == [TextDelta("Hel"), StreamEnd("stop", Usage(tokens_in=3, tokens_out=1), "")]
    assert json.loads(bench.runtime.asked[0]["Body"])["stream"] is True


def test_what_an_endpoint_cannot_do_should_be_said_before_it_is_asked(bench: Bench) -> None:
    backend = bench.backend()
    for served, call in (
        (model("tei-embedding"), CHAT),
        (model(), EmbedCall(texts=("a",))),
        (model(), ImageCall(prompt="a cat")),
    ):
        with pytest.raises(Unsupported, match="does not answer calls of"):
            backend.generate(served, ROUTE, call, ASKING)
    with pytest.raises(Unsupported, match="does not stream"):
        list(backend.stream(model(asynchronous=True), ROUTE, CHAT, ASKING))
    assert bench.runtime.asked == []


def of_model(status: int, said: str = "no") -> ClientError:
    more = {"OriginalStatusCode": status, "OriginalMessage": said}
    return refusal("ModelError", f"Received error ({status})", 424, **more)


@pytest.mark.parametrize(
    ("error", "kind", "retry_after"),
    [
        (refusal("ModelNotReadyException", status=429), Transient, RETRY_AFTER_S),
        (ReadTimeoutError(endpoint_url="x"), Transient, RETRY_AFTER_S),
        (refusal("ValidationError", "The component has no capacity"), Transient, RETRY_AFTER_S),
        (refusal("ServiceUnavailable", status=503), Transient, None),
        (refusal("InternalFailure", status=500), Transient, None),
        (refusal("ThrottlingException", status=400), Throttled, None),
        (refusal("ValidationError", "Endpoint mine of account 1 not found."), ModelFailure, None),
        (of_model(400, "too long"), InvalidInput, None),
        (of_model(429), Throttled, None),
        (of_model(0), Transient, RETRY_AFTER_S),
        (of_model(500), ModelFailure, None),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_goes_wrong_should_be_told_in_our_words(
    error: Exception, kind: type[HeadraceError], retry_after: int | None, bench: Bench
) -> None:
    bench.runtime.error = error
    with pytest.raises(kind) as raised:
        bench.backend().generate(model(), ROUTE, CHAT, ASKING)
    assert type(raised.value) is kind
    assert raised.value.retry_after == retry_after
    assert len(bench.runtime.asked) == 1


def test_what_is_not_json_should_be_the_models_failure(bench: Bench) -> None:
    bench.runtime.bodies = [b"<html>"]
    with pytest.raises(ModelFailure, match="not JSON"):
        bench.backend().generate(model(), ROUTE, CHAT, ASKING)


def test_an_asynchronous_answer_should_be_waited_for_and_leave_nothing(bench: Bench) -> None:
    bench.later(3, "out/1", json.dumps(COMPLETION).encode())
    reply = bench.backend().generate(model(asynchronous=True), ROUTE, CHAT, ASKING)
    assert reply.usage.tokens_in == 3
    assert bench.slept == [0.25, 0.5, 1.0]
    (asked,) = bench.runtime.asked
    assert asked["InputLocation"].startswith(f"s3://{BUCKET}/jobs/acme/calls/")
    assert bench.s3.objects == {}


def test_one_that_takes_longer_should_be_told_when_to_come_again_and_be_asked_once(
    bench: Bench,
) -> None:
    backend = bench.backend()
    for _ in range(2):
        with pytest.raises(Transient, match=f"again in {RETRY_AFTER_S} s") as raised:
            backend.generate(model(asynchronous=True), ROUTE, CHAT, ASKING)
        assert raised.value.retry_after == RETRY_AFTER_S
    assert len(bench.runtime.asked) == 1
    bench.s3.objects[BUCKET, "out/1"] = json.dumps(COMPLETION).encode()
    backend.generate(model(asynchronous=True), ROUTE, CHAT, ASKING)
    assert len(bench.runtime.asked) == 1
    assert sum(bench.slept) <= 2 * 3.75


@pytest.mark.parametrize(
    ("call", "asking"),
    [
        (CHAT, CallContext("acme", "request-2")),
        (CHAT.model_copy(update={"max_tokens": 7}), ASKING),
        (CHAT, CallContext("other", "request-1")),
    ],
    ids=["another request", "another call", "another tenant"],
)
def test_what_another_asked_should_not_be_waited_on(
    call: ChatCall, asking: CallContext, bench: Bench
) -> None:
    backend = bench.backend(AsyncWait(seconds=0))
    for each, who in ((CHAT, ASKING), (call, asking)):
        with pytest.raises(Transient):
            backend.generate(model(asynchronous=True), ROUTE, each, who)
    assert len(bench.runtime.asked) == 2


def test_a_ticket_that_ran_out_should_not_be_waited_on(bench: Bench) -> None:
    backend = bench.backend(AsyncWait(seconds=0, ttl_s=-1))
    for _ in range(2):
        with pytest.raises(Transient):
            backend.generate(model(asynchronous=True), ROUTE, CHAT, ASKING)
    assert len(bench.runtime.asked) == 2


def test_a_failure_in_s3_should_be_the_models_with_its_words(bench: Bench) -> None:
    bench.later(1, "failed/1", b'{"error": "too long"}')
    with pytest.raises(ModelFailure, match="too long"):
        bench.backend().generate(model(asynchronous=True), ROUTE, CHAT, ASKING)
    assert bench.s3.objects == {}, "who asks again is not told of the old failure"


def test_a_stage_without_a_bucket_should_say_so_and_ask_nobody(bench: Bench) -> None:
    later = AsyncInvocations(bench.runtime, bench.s3, "")  # type: ignore[arg-type]
    with pytest.raises(ModelFailure, match="no bucket"):
        later.ask("mine", {}, "acme", "1")
    assert bench.runtime.asked == []


def test_what_earlier_texts_used_should_be_told_where_later_ones_fail(bench: Bench) -> None:
    bench.runtime.bodies = [[[1.0]] * 32, b"no JSON"]
    call = EmbedCall(texts=tuple(f"text {n}" for n in range(40)))
    with pytest.raises(ModelFailure) as raised:
        bench.backend().generate(model("tei-embedding"), ROUTE, call, ASKING)
    assert raised.value.usage is not None
    assert raised.value.usage.tokens_in >= 32


@pytest.mark.parametrize(("left", "waits"), [(None, 25), (60.0, 25), (13.9, 10), (0.5, 1)])
def test_an_endpoint_should_be_waited_for_no_longer_than_there_is_time(
    left: float | None, waits: int, bench: Bench
) -> None:
    bench.runtime.bodies = [COMPLETION]
    bench.backend().generate(model(), ROUTE, CHAT, replace(ASKING, seconds_left=left))
    assert bench.waits == [waits]


def test_an_asynchronous_answer_should_be_looked_for_no_longer_than_there_is_time(
    bench: Bench,
) -> None:
    with pytest.raises(Transient, match="again in"):
        bench.backend().generate(
            model(asynchronous=True), ROUTE, CHAT, replace(ASKING, seconds_left=0.6)
        )
    assert bench.slept == [0.25, pytest.approx(0.35)]

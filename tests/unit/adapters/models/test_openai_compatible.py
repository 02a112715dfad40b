from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.adapters.models.openai_client import OpenAiServers
from chalicelib.adapters.models.openai_compatible import OpenAiCompatibleCaller
from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    EmbedCall,
    EmbedOutput,
    ImageCall,
    Message,
    Reply,
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
from chalicelib.generation.models import OpenAiBackend, ServedModel
from chalicelib.generation.streams import StreamEnd, TextDelta
from tests.model_server import Scene, Write, chunk, completion, model_server
from tests.unit.generation import planning

HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hi"),)),), max_tokens=7)
ASKING = CallContext("acme", "r1")


@dataclass
class Keys:
    """Keys of a store, of which each read takes the next."""

    values: list[str] = field(default_factory=lambda: ["sk-one"])
    reads: list[bool] = field(default_factory=list)

    def key(self, secret: str, *, fresh: bool = False) -> str:
        self.reads.append(fresh)
        return self.values[1] if fresh and len(self.values) > 1 else self.values[0]


def a_model(url: str, schema: str = "openai-chat", secret: str = "") -> ServedModel:
    backend = OpenAiBackend(url, "tiny:1b", schema, secret)
    return replace(planning.model("tiny"), backend=backend)


def caller(keys: Keys | None = None, seconds: int = 5, **options: Any) -> OpenAiCompatibleCaller:
    options = {"private_allowed": True, "sleep": lambda seconds: None, **options}
    servers = OpenAiServers(keys or Keys(), **options)
    return OpenAiCompatibleCaller(lambda: servers, seconds)


def ask(
    url: str, call: Call = HELLO, by: OpenAiCompatibleCaller | None = None, **entry: Any
) -> Reply:
    model = a_model(url, **entry)
    route = model.backend.route("us-east-1", "region")
    assert route is not None
    return (by or caller()).generate(model, route, call, ASKING)


def test_a_chat_should_name_the_model_and_be_read() -> None:
    with model_server(Scene(body=completion())) as server:
        reply = ask(server.url)
    assert isinstance(reply.output, ChatOutput)
    assert (reply.output.text, reply.output.finish) == ("Hello.", "stop")
    assert (reply.model, reply.answered_by) == ("tiny", "tiny:1b")
    assert reply.usage == Usage(tokens_in=9, tokens_out=3)
    assert server.asked == [
        (
            "/v1/chat/completions",
            {
                "model": "tiny:1b",
                "messages": [{"role": "user", "content": "Hi"}],
                "max_tokens": 7,
            },
        )
    ]
    assert server.keys == [""]


def test_models_of_openai_s_own_should_be_bounded_by_completion_tokens() -> None:
    with model_server(Scene(body=completion())) as server:
        ask(server.url, schema="openai-chat-completion-tokens")
    (_, body), *_ = server.asked
    assert body["max_completion_tokens"] == 7
    assert "max_tokens" not in body


def test_an_answer_that_was_cut_off_should_say_so() -> None:
    with model_server(Scene(body=completion("Hel", "length"))) as server:
        output = ask(server.url).output
    assert isinstance(output, ChatOutput)
    assert output.finish == "length"


def test_usage_that_is_not_reported_should_be_estimated() -> None:
    with model_server(Scene(body=completion("Hello there.", usage=None))) as server:
        usage = ask(server.url).usage
    assert usage.tokens_in > 0
    assert usage.tokens_out > 0


@pytest.mark.parametrize(
    ("scene", "kind", "says"),
    [
        (Scene(400, {"error": {"message": "too long"}}), InvalidInput, "does not take.*too long"),
        (Scene(401, {"error": "bad key"}), HeadraceError, "refused the key.*bad key"),
        (Scene(404, {"error": "no model"}), ModelFailure, "no such model.*no model"),
        (Scene(429, {"message": "slow down"}), Throttled, "busy; try again in 5 s. slow down"),
        (Scene(500, b"<html>"), Transient, "failed .500.; try again in 5 s. <html>"),
        (Scene(302, b"", {"Location": "http://a"}), ModelFailure, "status 302"),
        (Scene(200, b"not JSON"), ModelFailure, "not JSON"),
        (Scene(200, []), ModelFailure, "no object"),
        (Scene(200, {"choices": []}), ModelFailure, "no chat completion"),
        (Scene(200, completion(finish="error")), ModelFailure, "stopped for error"),
        (Scene(200, b"{}", {"Content-Length": "9"}), Transient, "broke off"),
    ],
)
def test_a_failure_should_be_told_as_what_it_is(
    scene: Scene, kind: type[HeadraceError], says: str
) -> None:
    with model_server(scene) as server, pytest.raises(kind, match=says) as failed:
        ask(server.url)
    assert type(failed.value) is kind
    assert len(server.asked) == 1
    # Whatever was answered with 200, or not whole, may have been billed.
    assert failed.value.unaccounted == (scene.status == 200)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("12", 12), ("0.2", 1), ("99999", 3_600), ("inf", 5), ("Wed, 21 Oct 2026 07:28:00 GMT", 5)],
)
def test_a_wait_that_the_server_asks_for_should_be_passed_on(said: str, seconds: int) -> None:
    scene = Scene(429, {}, {"Retry-After": said})
    with model_server(scene) as server, pytest.raises(Throttled) as failed:
        ask(server.url)
    assert failed.value.retry_after == seconds


def test_a_server_that_is_not_there_should_be_tried_twice() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        pauses: list[float] = []
        with pytest.raises(Transient, match="cannot be reached") as failed:
            ask(url, by=caller(sleep=pauses.append))
    assert len(pauses) == 1
    assert failed.value.retry_after == 5
    assert not failed.value.unaccounted


def test_bytes_that_drip_should_not_hold_a_call_beyond_its_time() -> None:
    def drip(write: Write) -> None:
        while True:
            write(b" ")
            time.sleep(0.02)

    with model_server(Scene(play=drip)) as server:
        began = time.monotonic()
        with pytest.raises(Transient, match="did not answer within 1 s") as failed:
            ask(server.url, by=caller(seconds=1))
        assert time.monotonic() - began < 4
        assert failed.value.unaccounted
        assert server.gone.wait(4), "the connection is closed, so that the server can stop"


def test_a_refused_key_should_be_read_anew_once() -> None:
    keys = Keys(["sk-old", "sk-new"])
    with model_server(Scene(401, {}), Scene(body=completion())) as server:
        ask(server.url, by=caller(keys), secret="headrace/s/models/tiny")
    assert server.keys == ["Bearer sk-old", "Bearer sk-new"]
    assert keys.reads == [False, True]


def test_a_key_that_stays_refused_should_not_be_tried_again() -> None:
    with model_server(Scene(401, {})) as server, pytest.raises(HeadraceError, match="refused"):
        ask(server.url, by=caller(Keys()), secret="headrace/s/models/tiny")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("url", "address", "says"),
    [
        ("http://models.example/v1", "93.184.216.34", "must begin with https"),
        ("https://models.example/v1", "10.0.0.7", "leads to a private address"),
        ("https://models.example/v1", "169.254.169.254", "leads to a private address"),
        ("https://127.0.0.1/v1", "127.0.0.1", "must name a public host"),
    ],
)
def test_a_stage_should_call_public_https_alone_unless_it_says_otherwise(
    url: str, address: str, says: str
) -> None:
    by = caller(private_allowed=False, resolve=lambda host, port: [address])
    with pytest.raises(HeadraceError, match=f"may not be called.*{says}.*ModelTargets") as failed:
        ask(url, by=by)
    assert type(failed.value) is HeadraceError


def streamed(url: str, by: OpenAiCompatibleCaller | None = None) -> list[Any]:
    model = a_model(url)
    route = model.backend.route("us-east-1", "region")
    assert route is not None
    return list((by or caller()).stream(model, route, HELLO, ASKING))


def played(*events: bytes) -> Callable[[Write], object]:
    return lambda write: write(b"".join(events))


def test_a_stream_should_be_given_as_it_is_made() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2}
    scene = Scene(
        play=played(chunk("Hel"), chunk("lo"), chunk("", "stop", usage=usage), b"data: [DONE]\n\n")
    )
    with model_server(scene) as server:
        pieces = streamed(server.url)
    assert pieces == [
        TextDelta("Hel"),
        TextDelta("lo"),
        StreamEnd("stop", Usage(tokens_in=9, tokens_out=2), ""),
    ]
    assert server.asked[0][1]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("events", "kind", "says"),
    [
        ([chunk("Hel")], ModelFailure, "broke off"),
        ([chunk("Hel"), b'data: {"error": "out of memory"}\n\n'], ModelFailure, "out of memory"),
        ([b"data: {nothing\n\n"], ModelFailure, "not JSON"),
    ],
)
def test_a_stream_that_fails_should_be_told(
    events: list[bytes], kind: type[HeadraceError], says: str
) -> None:
    with model_server(Scene(play=played(*events))) as server, pytest.raises(kind, match=says):
        streamed(server.url)


def test_a_stream_that_nobody_reads_any_more_should_be_given_up() -> None:
    def forever(write: Write) -> None:
        while True:
            write(chunk("word "))
            time.sleep(0.01)

    with model_server(Scene(play=forever)) as server:
        model = a_model(server.url)
        route = model.backend.route("us-east-1", "region")
        assert route is not None
        pieces: Any = caller().stream(model, route, HELLO, ASKING)
        assert next(pieces) == TextDelta("word ")
        pieces.close()
        assert server.gone.wait(4)


def test_texts_should_be_embedded() -> None:
    data = [{"index": n, "embedding": [float(n), 1.0]} for n in (1, 0)]
    scene = Scene(body={"data": data, "usage": {"prompt_tokens": 4}})
    with model_server(scene) as server:
        reply = ask(server.url, EmbedCall(texts=("a", "b")), schema="openai-embedding")
    assert isinstance(reply.output, EmbedOutput)
    assert reply.output.vectors == ((0.0, 1.0), (1.0, 1.0))
    assert reply.usage == Usage(tokens_in=4)
    assert server.asked[0] == (
        "/v1/embeddings",
        {"model": "tiny:1b", "input": ["a", "b"], "encoding_format": "float"},
    )


def test_a_call_of_another_kind_should_be_refused() -> None:
    with pytest.raises(Unsupported, match="tiny does not answer calls of image"):
        ask("http://127.0.0.1:1/v1", ImageCall(prompt="a ship"))


def test_the_models_of_a_server_should_be_listed() -> None:
    servers = OpenAiServers(Keys(), private_allowed=True)
    with model_server(Scene(body={"data": [{"id": "a"}, {"id": "b"}]})) as server:
        backend = OpenAiBackend(server.url, "any", "openai-chat")
        assert servers.listed(backend, 5) == ("a", "b")
    with model_server(Scene(body={"models": []})) as server:
        backend = OpenAiBackend(server.url, "any", "openai-chat")
        with pytest.raises(ModelFailure, match="no list of models"):
            servers.listed(backend, 5)

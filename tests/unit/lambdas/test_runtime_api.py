"""The Runtime API of one worker, spoken to over its socket."""

from __future__ import annotations

import base64
import json
import queue
import socket
from collections.abc import Iterator

import pytest

from localcloud.lambdas.runtime_api import (
    HandlerLoaded,
    InvocationResponse,
    RuntimeApi,
    RuntimeInvocation,
)

RESPONSE = "/2018-06-01/runtime/invocation/r-1/response"


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    made = RuntimeApi()
    made.post(RuntimeInvocation("r-1", "arn:f", b"{}", 0, "Root=1"))
    yield made
    made.close()


def send(api: RuntimeApi, *parts: bytes) -> bytes:
    """Send `parts` on one connection, end the sending side, and return what comes back."""
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def take_the_invocation(api: RuntimeApi) -> None:
    get = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
    assert b"Lambda-Runtime-Aws-Request-Id: r-1" in send(api, get)
    assert api.signals.get(timeout=5) == HandlerLoaded()


def head(size: int) -> bytes:
    return f"POST {RESPONSE} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()


def test_a_whole_answer_should_end_the_invocation(api: RuntimeApi) -> None:
    take_the_invocation(api)
    assert b" 202 " in send(api, head(10), b'{"a": "b"}')
    assert api.signals.get(timeout=5) == InvocationResponse(b'{"a": "b"}')


@pytest.mark.parametrize("arrived", [b"", b'{"a": '])
def test_an_answer_that_breaks_off_should_be_none(api: RuntimeApi, arrived: bytes) -> None:
    take_the_invocation(api)
    assert send(api, head(10), arrived) == b""
    with pytest.raises(queue.Empty):
        api.signals.get_nowait()
    assert b" 202 " in send(api, head(2), b"{}")
    assert api.signals.get(timeout=5) == InvocationResponse(b"{}")


def chunked(*chunks: bytes, trailers: bytes = b"", ending: bytes = b"0\r\n") -> bytes:
    start = f"POST {RESPONSE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return start + body + (ending + trailers + b"\r\n" if ending else b"")


@pytest.fixture
def streamed() -> Iterator[tuple[RuntimeApi, list[bytes]]]:
    came: list[bytes] = []
    made = RuntimeApi()
    made.post(RuntimeInvocation("r-1", "arn:f", b"{}", 0, "Root=1", sink=came.append))
    take_the_invocation(made)
    yield made, came
    made.close()


def test_a_streamed_answer_should_be_handed_on_in_its_chunks(
    streamed: tuple[RuntimeApi, list[bytes]],
) -> None:
    api, came = streamed
    assert b" 202 " in send(api, chunked(b"one", b"two"))
    assert came == [b"one", b"two"]
    assert api.signals.get(timeout=5) == InvocationResponse(b"")


def test_a_streamed_answer_should_be_put_together_for_who_waits_for_all(api: RuntimeApi) -> None:
    take_the_invocation(api)
    assert b" 202 " in send(api, chunked(b'{"a":', b"1}"))
    assert api.signals.get(timeout=5) == InvocationResponse(b'{"a":1}')


def test_a_stream_may_end_with_an_error(streamed: tuple[RuntimeApi, list[bytes]]) -> None:
    api, came = streamed
    told = base64.b64encode(b'{"errorMessage": "no more"}')
    trailers = (
        b"Lambda-Runtime-Function-Error-Type: Oops\r\n"
        b"Lambda-Runtime-Function-Error-Body: " + told + b"\r\n"
    )
    assert b" 202 " in send(api, chunked(b"one", trailers=trailers))
    answer = api.signals.get(timeout=5)
    assert isinstance(answer, InvocationResponse)
    assert (came, answer.is_error) == ([b"one"], True)
    assert json.loads(answer.payload) == {"errorType": "Oops", "errorMessage": "no more"}


@pytest.mark.parametrize("broken", [chunked(b"one", ending=b""), chunked()[:-4] + b"zz\r\n"])
def test_a_stream_that_breaks_off_should_be_none(
    streamed: tuple[RuntimeApi, list[bytes]], broken: bytes
) -> None:
    api, _ = streamed
    assert send(api, broken) == b""
    with pytest.raises(queue.Empty):
        api.signals.get_nowait()


def test_a_client_that_asks_first_should_be_told_to_go_on(api: RuntimeApi) -> None:
    """curl, which AWS's runtime client uses, asks before it sends a large answer."""
    take_the_invocation(api)
    asking = head(2).replace(b"Host: x\r\n", b"host: x\r\nexpect: 100-continue\r\n")
    answered = send(api, asking, b"{}")
    assert answered.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert b" 202 " in answered
    assert api.signals.get(timeout=5) == InvocationResponse(b"{}")


@pytest.mark.parametrize("request_", [b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nnone\r\n\r\n"])
def test_what_is_no_request_should_end_its_connection(api: RuntimeApi, request_: bytes) -> None:
    assert send(api, request_) == b""

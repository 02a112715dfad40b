"""The Runtime API of one worker, spoken to over its socket."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator

import pytest

from localcloud.lambdas.runtime_api import Answered, Invocation, Ready, RuntimeApi

RESPONSE = "/2018-06-01/runtime/invocation/r-1/response"


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    made = RuntimeApi()
    made.post(Invocation("r-1", "arn:f", b"{}", 0, "Root=1"))
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
    assert api.signals.get(timeout=5) == Ready()


def head(size: int) -> bytes:
    return f"POST {RESPONSE} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()


def test_a_whole_answer_should_end_the_invocation(api: RuntimeApi) -> None:
    take_the_invocation(api)
    assert b" 202 " in send(api, head(10), b'{"a": "b"}')
    assert api.signals.get(timeout=5) == Answered(b'{"a": "b"}')


@pytest.mark.parametrize("arrived", [b"", b'{"a": '])
def test_an_answer_that_breaks_off_should_be_none(api: RuntimeApi, arrived: bytes) -> None:
    take_the_invocation(api)
    assert send(api, head(10), arrived) == b""
    with pytest.raises(queue.Empty):
        api.signals.get_nowait()
    assert b" 202 " in send(api, head(2), b"{}")
    assert api.signals.get(timeout=5) == Answered(b"{}")

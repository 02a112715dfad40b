"""Bytes on a connection that programs read in different ways, or that end too early.

https://www.rfc-editor.org/rfc/rfc9112#section-6 and #section-11.2 (request smuggling)
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from localcloud.apigateway.http_request import read_request
from localcloud.frontdoor.http_server import HOST, HttpServer

HEAD = "POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Echo:
    """Answers with the body of the request as API Gateway reads it, and counts the requests."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.unread = 0

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/unread":
            self.unread += 1
            body = b"unread"
        else:
            body = read_request(environ).body
            self.bodies.append(body)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture(scope="module")
def echo() -> Echo:
    return Echo()


@pytest.fixture(scope="module")
def port(echo: Echo) -> Iterator[int]:
    server = HttpServer()
    server.start(echo)
    yield int(server.url.rpartition(":")[2])
    server.stop()


def exchange(port: int, sent: bytes, *, end: bool = False) -> bytes:
    """Send bytes as they are, and return all that comes until the server closes."""
    received = b""
    with socket.create_connection((HOST, port), timeout=10) as connection:
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65536):
            received += data
    return received


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: -1\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: \r\n",
        "Content-Length: \u0665\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length : 5\r\n",
        "Content-Length: 5\r\n 6\r\n",
        "Host: evil.example\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Bad Name: 1\r\n",
        ": 1\r\n",
    ],
)
def test_a_length_that_can_be_read_in_two_ways_should_be_refused(
    port: int, echo: Echo, lines: str
) -> None:
    before = len(echo.bodies)
    told = exchange(port, (HEAD + lines + "\r\n").encode() + b"hello")
    assert told.split(b" ")[1] in (b"400", b"501")
    assert told.count(b"HTTP/1.1") == 1
    assert len(echo.bodies) == before


def test_an_underscored_length_should_be_a_header_like_any_other(port: int, echo: Echo) -> None:
    told = exchange(port, (HEAD + "Content_Length: 1_0\r\nConnection: close\r\n\r\n").encode())
    assert told.startswith(b"HTTP/1.1 200")
    assert echo.bodies[-1] == b""


@pytest.mark.parametrize(
    "chunks",
    [
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5_0\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"ffffffffffffffffffffff\r\nhello",
        b"5;" + b"x" * 70_000,
    ],
)
def test_malformed_chunks_should_be_a_bad_request(port: int, echo: Echo, chunks: bytes) -> None:
    before = len(echo.bodies)
    sent = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks
    assert exchange(port, sent).startswith(b"HTTP/1.1 400")
    assert len(echo.bodies) == before


@pytest.mark.parametrize(
    "sent",
    [
        "Content-Length: 10\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ],
)
def test_a_body_that_breaks_off_should_not_be_processed(port: int, echo: Echo, sent: str) -> None:
    before = len(echo.bodies)
    assert exchange(port, (HEAD + sent).encode(), end=True).startswith(b"HTTP/1.1 400")
    assert len(echo.bodies) == before


def test_a_body_that_nobody_reads_should_not_become_the_next_request(port: int, echo: Echo) -> None:
    inner = b"POST /unread HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    chunk = f"{len(inner):x}\r\n".encode() + inner + b"\r\n0\r\n\r\n"
    head = "POST /unread HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    last = b"GET /unread HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    for framed in (
        f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk,
        f"{head}Content-Length: {len(inner)}\r\n\r\n".encode() + inner,
    ):
        before = echo.unread
        assert exchange(port, framed + last).count(b"HTTP/1.1 200") == 2
        assert echo.unread == before + 2


def test_bodies_in_any_chunks_should_be_read_whole_on_one_connection(port: int, echo: Echo) -> None:
    rng = Random(7)
    connection = HTTPConnection(HOST, port, timeout=10)
    for _ in range(12):
        body = rng.randbytes(rng.choice([0, 1, 100, 9_000, 70_000]))
        cuts = sorted({0, len(body), *(rng.randint(0, len(body)) for _ in range(5))})
        pieces = [body[start:end] for start, end in pairwise(cuts)]
        connection.request(
            "POST", "/echo", iter(pieces), {"Transfer-Encoding": "chunked"}, encode_chunked=True
        )
        assert connection.getresponse().read() == body
        connection.request("POST", "/echo", body)
        assert connection.getresponse().read() == body
    connection.close()


def test_requests_that_come_in_one_packet_should_each_be_answered(port: int, echo: Echo) -> None:
    """The second waits in the buffer of the connection, where no poll of the socket sees it."""
    one = f"{HEAD}Content-Length: 3\r\n\r\none"
    last = f"{HEAD}Content-Length: 4\r\nConnection: close\r\n\r\nlast"
    answered = exchange(port, (one + one + last).encode())
    assert answered.count(b"200 OK") == 3
    assert echo.bodies[-3:] == [b"one", b"one", b"last"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET / HTTP/1.1\r\n folded: first\r\n\r\n", b"400"),
        (f"GET /{'a' * 65_536} HTTP/1.1\r\n\r\n", b"414"),
        (f"GET / HTTP/1.1\r\nHost: h\r\nX-Long: {'a' * 65_536}\r\n\r\n", b"413"),
        ("GET / HTTP/1.1\nHost: h\n\n", b"400"),
        ("GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", b"400"),
    ],
)
def test_a_head_that_is_none_or_too_long_should_be_refused(
    port: int, head: str, status: bytes
) -> None:
    assert exchange(port, head.encode()).split(b" ", 2)[1] == status

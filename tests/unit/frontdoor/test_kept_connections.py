from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any

import pytest

from localcloud.frontdoor.http_server import HOST, HttpServer

CLIENTS = 60
"""Twice the warm functions of a busy local cloud, each with a client for two services."""


@pytest.fixture
def port() -> Iterator[int]:
    server = HttpServer()
    server.start(_hello)
    yield int(server.url.rpartition(":")[2])
    server.stop()


def _hello(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def test_every_client_should_keep_its_connection(port: int) -> None:
    with ExitStack() as held:
        connections = [
            held.enter_context(closing(HTTPConnection(HOST, port, timeout=10)))
            for _ in range(CLIENTS)
        ]
        for connection in connections:
            connection.connect()
            connection.auto_open = 0
        for _ in range(2):
            for connection in connections:
                connection.request("GET", "/")
                assert connection.getresponse().read() == b"hello"

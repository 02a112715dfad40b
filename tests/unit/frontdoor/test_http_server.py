from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from localcloud.frontdoor import http_server
from localcloud.frontdoor.http_server import HOST, HttpServer, PortUnavailableError
from localcloud.wsgi import Environ, is_client_gone


def test_should_say_how_to_get_a_free_port_where_the_port_is_taken() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            PortUnavailableError, match=f"Port {port} of .*`--port 0` takes a free one"
        ):
            HttpServer(port)


def test_should_tell_that_a_client_no_longer_waits() -> None:
    seen: list[bool] = []
    asked, closed, told = threading.Event(), threading.Event(), threading.Event()

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        seen.append(is_client_gone(environ))
        asked.set()
        closed.wait(30)
        while not is_client_gone(environ):
            time.sleep(0.005)
        seen.append(True)
        told.set()
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    server = HttpServer()
    server.start(application)
    try:
        host, _, port = server.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert asked.wait(30)
        closed.set()
        assert told.wait(30)
    finally:
        server.stop()
    assert seen == [False, True]


def test_a_stop_should_wait_neither_for_a_request_nor_for_those_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "_THREADS", 1)
    begun: list[str] = []
    running, over = threading.Event(), threading.Event()

    def application(environ: Environ, start_response: Any) -> list[bytes]:
        begun.append(environ["PATH_INFO"])
        running.set()
        over.wait()
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    server = HttpServer(stop_s=0.1)
    server.start(application)
    address = (HOST, int(server.url.rpartition(":")[2]))
    with socket.create_connection(address) as first, socket.create_connection(address) as second:
        first.sendall(b"GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert running.wait(30)
        second.sendall(b"GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while server.waiting == 0:
            time.sleep(0.005)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        stopper.join(30)
        is_stopped = not stopper.is_alive()
        over.set()
        assert is_stopped
        second.settimeout(30)
        assert second.recv(1) == b""
    assert begun == ["/first"]

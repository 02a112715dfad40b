from __future__ import annotations

import socket

import pytest

from localcloud.frontdoor.http_server import HOST, HttpServer, PortUnavailableError


def test_should_say_how_to_get_a_free_port_where_the_port_is_taken() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            PortUnavailableError, match=f"Port {port} of .*`--port 0` takes a free one"
        ):
            HttpServer(port)

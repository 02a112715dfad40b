"""WSGI's types, and header names exactly as the client sent them.

WSGI spells `x-amz-meta-a_b` and `x-amz-meta-a-b` the same. S3 metadata may have either, so the
server under the front door also passes the headers on as they came.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

RAW_HEADERS = "localcloud.raw_headers"
"""The environ key of the headers as received, a list of (name, value)."""

CONNECTION = "localcloud.connection"
"""The environ key of the client's socket."""


def is_client_gone(environ: Environ) -> bool:
    """Tell whether the client closed its connection, as one does that no longer waits."""
    connection: socket.socket | None = environ.get(CONNECTION)
    if connection is None:
        return False
    poll = select.poll()
    try:
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0)) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by lower-case name, exact if the server passes them on.

    Repeated headers are joined by commas.
    """
    raw: Iterable[tuple[str, str]] | None = environ.get(RAW_HEADERS)
    if raw is None:
        raw = _wsgi_headers(environ)
    headers: dict[str, str] = {}
    for name, value in raw:
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def read_body(environ: Mapping[str, Any], max_bytes: int) -> bytes | None:
    """Return the body of a request, None if it has more than `max_bytes`.

    A body that breaks off or whose chunks are malformed raises ValueError.
    """
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        body = bytes(stream.read(max_bytes + 1))
        return body if len(body) <= max_bytes else None
    length = int(environ.get("CONTENT_LENGTH") or 0)
    return None if length > max_bytes else bytes(stream.read(length))


def _wsgi_headers(environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-"), value
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-"), value

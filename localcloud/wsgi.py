"""WSGI's types, and header names exactly as the client sent them.

WSGI spells `x-amz-meta-a_b` and `x-amz-meta-a-b` the same. S3 metadata may have either, so the
server under the front door also passes the headers on as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

RAW_HEADERS = "localcloud.raw_headers"
"""The environ key of the headers as received, a list of (name, value)."""


def headers_of(environ: Environ) -> dict[str, str]:
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


def _wsgi_headers(environ: Environ) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-"), value
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-"), value

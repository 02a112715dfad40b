"""Header names as they came, past WSGI.

WSGI spells `x-amz-meta-a_b` and `x-amz-meta-a-b` the same. S3 metadata may have either, so
the server under the front door also hands the headers on as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

RAW_HEADERS = "localcloud.raw_headers"
"""The environ key: a list of (name, value) as received."""


def headers_of(environ: dict[str, Any]) -> dict[str, str]:
    """Return the headers by lower-case name, exact where the server hands them on."""
    raw: Iterable[tuple[str, str]] | None = environ.get(RAW_HEADERS)
    if raw is None:
        raw = _from_wsgi(environ)
    headers: dict[str, str] = {}
    for name, value in raw:
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _from_wsgi(environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-"), value
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            yield name.replace("_", "-"), value

"""HTTP requests as API Gateway sees them, read from WSGI."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from localcloud.wsgi import headers_of, read_body

MAX_BODY = 10 * 1024 * 1024


def _request_id() -> str:
    return str(uuid.uuid4())


def _trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `path` is percent-encoded; the names in `headers` are in title case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str
    request_id: str = field(default_factory=_request_id)
    trace_id: str = field(default_factory=_trace_id)

    def header(self, name: str) -> str | None:
        """Return a header, whatever its case."""
        return self.headers.get(name.title())


class BodyTooLargeError(ValueError):
    """Raised for a body over API Gateway's limit; `request` is the request without it."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(MAX_BODY)
        self.request = request


@dataclass(slots=True)
class RequestRecord:
    """The facts of a request for the access log, filled in while it is processed.

    `failure` is the type of the gateway response, if the gateway itself answered.
    """

    started_at: float
    resource: str = ""
    authorizer: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""

    def variables(
        self, request: HttpRequest, status: int, length: int, now: float
    ) -> dict[str, str]:
        """Return the `$context` variables that are known when the response has ended."""
        return {
            "error.responseType": self.failure,
            "identity.sourceIp": request.source_ip,
            "protocol": "HTTP/1.1",
            "requestTime": datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "resourcePath": self.resource,
            "responseLatency": str(round((now - self.started_at) * 1000)),
            "responseLength": str(length),
            "status": str(status),
        }


def read_request(environ: Mapping[str, Any]) -> HttpRequest:
    """Read the request of a WSGI `environ`. Raises BodyTooLargeError."""
    headers = {name.title(): value for name, value in headers_of(environ).items()}
    request = HttpRequest(
        method=str(environ["REQUEST_METHOD"]),
        path=_raw_path(environ),
        query=str(environ.get("QUERY_STRING", "")),
        headers=headers,
        body=b"",
        source_ip=str(environ.get("REMOTE_ADDR") or "127.0.0.1"),
    )
    body = read_body(environ, MAX_BODY)
    if body is None:
        raise BodyTooLargeError(request)
    return replace(request, body=body)


def _raw_path(environ: Mapping[str, Any]) -> str:
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if not raw:
        return quote(str(environ.get("PATH_INFO") or "/").encode("latin-1"))
    return re.sub(r"^https?://[^/]*", "", str(raw)).partition("?")[0] or "/"

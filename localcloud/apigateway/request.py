"""An HTTP request as API Gateway sees it, and the event that a function gets for it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote

from localcloud.apigateway.description import RestApi
from localcloud.apigateway.routing import Match

MAX_BODY = 10 * 1024 * 1024
_ACCOUNT = "000000000000"


def _request_id() -> str:
    return str(uuid.uuid4())


def _trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. `path` is percent-encoded; `headers` are in title case."""

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


class BodyTooLarge(ValueError):  # noqa: N818 - named for what it tells
    """The body is larger than API Gateway takes; `request` is the rest."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(MAX_BODY)
        self.request = request


def read(environ: Mapping[str, Any]) -> HttpRequest:
    """Return the request in a WSGI `environ`; raises BodyTooLarge."""
    headers = {
        name[5:].replace("_", "-").title(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name, key in (("Content-Type", "CONTENT_TYPE"), ("Content-Length", "CONTENT_LENGTH")):
        if environ.get(key):
            headers[name] = str(environ[key])
    head = HttpRequest(
        method=str(environ["REQUEST_METHOD"]),
        path=_raw_path(environ),
        query=str(environ.get("QUERY_STRING", "")),
        headers=headers,
        body=b"",
        source_ip=str(environ.get("REMOTE_ADDR") or "127.0.0.1"),
    )
    body = _body(environ, headers)
    if body is None:
        raise BodyTooLarge(head)
    return replace(head, body=body)


def _raw_path(environ: Mapping[str, Any]) -> str:
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if not raw:
        return quote(str(environ.get("PATH_INFO") or "/").encode("latin-1"))
    return re.sub(r"^https?://[^/]*", "", str(raw)).partition("?")[0] or "/"


def _body(environ: Mapping[str, Any], headers: Mapping[str, str]) -> bytes | None:
    """Return the body, or None for one that is too large."""
    stream = environ["wsgi.input"]
    length = int(headers.get("Content-Length") or 0)
    if length > MAX_BODY:
        return None
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        return bytes(stream.read(length)) if length else b""
    body = bytes(stream.read(MAX_BODY + 1))
    return body if len(body) <= MAX_BODY else None


def is_binary(media_type: str | None, binary_types: frozenset[str]) -> bool:
    """Tell whether a Content-Type or Accept header names a binary type of the API."""
    if "*/*" in binary_types:
        return True
    first = (media_type or "").split(",")[0].split(";")[0].strip().lower()
    return first in binary_types


def proxy_event(
    api: RestApi, request: HttpRequest, match: Match, authorizer: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the event of a Lambda proxy integration (REST API, payload version 1.0)."""
    query = parse_qs(request.query, keep_blank_values=True)
    headers = {**request.headers, **_forwarded(request)}
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(match.parameters) or None,
        "stageVariables": None,
        "requestContext": _context(api, request, match.resource, authorizer),
        **_payload(api, request),
    }


def _forwarded(request: HttpRequest) -> dict[str, str]:
    return {
        "X-Amzn-Trace-Id": request.trace_id,
        "X-Forwarded-For": request.source_ip,
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }


def _payload(api: RestApi, request: HttpRequest) -> dict[str, Any]:
    if not request.body:
        return {"body": None, "isBase64Encoded": False}
    if is_binary(request.header("Content-Type"), api.binary_types):
        return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
    return {"body": request.body.decode("utf-8", "replace"), "isBase64Encoded": False}


def _context(
    api: RestApi, request: HttpRequest, resource: str, authorizer: Mapping[str, Any] | None
) -> dict[str, Any]:
    now = time.time()
    host = request.header("Host") or "localhost"
    context: dict[str, Any] = {
        "accountId": _ACCOUNT,
        "apiId": api.api_id,
        "domainName": host.rsplit(":", 1)[0],
        "domainPrefix": host.split(".")[0].split(":")[0],
        "extendedRequestId": secrets.token_urlsafe(11),
        "httpMethod": request.method,
        "identity": {"sourceIp": request.source_ip, "userAgent": request.header("User-Agent")},
        "path": request.path,
        "protocol": "HTTP/1.1",
        "requestId": request.request_id,
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": secrets.token_hex(3),
        "resourcePath": resource,
        "stage": api.stage,
    }
    return {**context, "authorizer": dict(authorizer)} if authorizer is not None else context


def authorizer_arn(api: RestApi, name: str, region: str) -> str:
    """Return the ARN of an authorizer, as which API Gateway invokes its function."""
    return f"arn:aws:execute-api:{region}:{_ACCOUNT}:{api.api_id}/authorizers/{name}"


def method_arn(api: RestApi, request: HttpRequest, region: str) -> str:
    """Return the ARN of the called method, as an authorizer and its policy name it."""
    path = request.path.lstrip("/")
    return (
        f"arn:aws:execute-api:{region}:{_ACCOUNT}:{api.api_id}/{api.stage}/{request.method}/{path}"
    )

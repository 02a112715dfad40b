"""The HTTP responses that API Gateway makes of functions' results, whole or streamed.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from localcloud.apigateway.http_request import HttpRequest
from localcloud.wsgi import StartResponse

DELIMITER = b"\0" * 8
"""Separates the JSON document of status and headers from the body of a stream."""

MAX_PRELUDE = 16 * 1024
"""AWS looks for the delimiter within the first 16 KB."""

_REMAPPED_HEADERS = frozenset(
    {"connection", "content-length", "date", "server", "www-authenticate"}
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MAX_LATIN_1 = 255
_RESULT_MEMBERS = frozenset(
    {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
)
_PRELUDE_MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "cookies"})


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole response; headers in order, as a name may occur more than once."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """A streamed response whose status and headers have come; `body` is the rest."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: Iterator[bytes]


class MalformedResponseError(ValueError):
    """Raised when a function's result is not one of a Lambda proxy integration."""


def read_response(payload: bytes, decode_binary: bool) -> HttpResponse:
    """Return the response in a function's `payload`. Raises MalformedResponseError.

    A Base64 body is decoded only if the caller's Accept header names a binary media type.
    """
    document = _parse(payload, _RESULT_MEMBERS, "an object of a proxy integration")
    body = document.get("body")
    if isinstance(body, list | dict):
        raise MalformedResponseError("the body is not text")
    raw = (body if isinstance(body, str) else "" if body is None else json.dumps(body)).encode()
    if document.get("isBase64Encoded") is True and decode_binary:
        try:
            raw = base64.b64decode(raw, validate=True)
        except binascii.Error as error:
            raise MalformedResponseError("the body is not Base64") from error
    return HttpResponse(_status(document), tuple(_headers(document)), raw)


def read_streamed_response(chunks: Iterable[bytes]) -> StreamedResponse:
    """Read status and headers from the beginning of a stream. Raises MalformedResponseError."""
    remaining = iter(chunks)
    begun = b""
    while DELIMITER not in begun:
        chunk = next(remaining, None)
        if chunk is None or len(begun) > MAX_PRELUDE:
            raise MalformedResponseError("the stream has no status and headers")
        begun += chunk
    prelude, _, body_start = begun.partition(DELIMITER)
    document = _parse(prelude, _PRELUDE_MEMBERS, "status and headers of a stream")
    cookies = [("Set-Cookie", _header_text(cookie)) for cookie in document.get("cookies") or ()]
    headers = (*_headers(document), *cookies)
    return StreamedResponse(_status(document), headers, _stream_body(body_start, remaining))


def _stream_body(start: bytes, remaining: Iterator[bytes]) -> Iterator[bytes]:
    if start:
        yield start
    yield from remaining


def _parse(text: bytes, members: frozenset[str], expected: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise MalformedResponseError("not JSON") from error
    if not isinstance(document, dict) or set(document) - members:
        raise MalformedResponseError(f"not {expected}")
    return document


def _status(document: Mapping[str, Any]) -> int:
    try:
        status = int(document.get("statusCode", 200))
    except (TypeError, ValueError) as error:
        raise MalformedResponseError("the status is not a number") from error
    if not 100 <= status <= 599:
        raise MalformedResponseError(f"{status} is not an HTTP status")
    return status


def _headers(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    single = document.get("headers") or {}
    multiple = document.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise MalformedResponseError("headers are not an object")
    merged = {name: [value] for name, value in single.items() if name not in multiple}
    merged.update(multiple)
    if "content-type" not in {name.lower() for name in merged}:
        yield "Content-Type", "application/json"
    for name, values in merged.items():
        if not _HEADER_NAME.fullmatch(name):
            raise MalformedResponseError(f"{name!r} is no name of a header")
        sent_name = f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED_HEADERS else name
        for value in values:
            yield sent_name, _header_text(value)


def _header_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if any(ord(character) > _MAX_LATIN_1 for character in text):
        raise MalformedResponseError("a header's value is not Latin-1, as HTTP has it")
    return text.replace("\r", "").replace("\n", "")


def send_response(
    response: HttpResponse | StreamedResponse, request: HttpRequest, start_response: StartResponse
) -> Iterable[bytes]:
    """Send status and headers, and return the body.

    The status of a stream is sent before its body, so a function that fails cuts the body off.
    """
    headers = [
        *response.headers,
        ("x-amzn-RequestId", request.request_id),
        ("X-Amzn-Trace-Id", request.trace_id),
    ]
    if isinstance(response, HttpResponse):
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {_reason(response.status)}", headers)
    if isinstance(response, StreamedResponse):
        return response.body
    return [b"" if request.method == "HEAD" else response.body]


def _reason(status: int) -> str:
    phrases = {each.value: each.phrase for each in HTTPStatus}
    return re.sub(r"[^ -~]", "", phrases.get(status, "Unknown"))

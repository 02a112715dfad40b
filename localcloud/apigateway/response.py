"""What API Gateway makes of a function's answer. Pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_REMAPPED = frozenset({"connection", "content-length", "date", "server", "www-authenticate"})
_KNOWN = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer; headers in order, as a name may come more than once."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class MalformedAnswer(ValueError):  # noqa: N818 - named for what it tells
    """The function's answer is not what a Lambda proxy integration takes."""


def from_function(payload: bytes, decode_binary: bool) -> HttpAnswer:
    """Return the answer in a function's `payload`; raises MalformedAnswer.

    A Base64 body is decoded only when the caller's Accept header asks for a binary type.
    """
    document = _document(payload)
    body = document.get("body")
    raw = (body if isinstance(body, str) else "" if body is None else json.dumps(body)).encode()
    if document.get("isBase64Encoded") is True and decode_binary:
        try:
            raw = base64.b64decode(raw, validate=True)
        except binascii.Error as error:
            raise MalformedAnswer("the body is not Base64") from error
    return HttpAnswer(status_of(document), tuple(headers_of(document)), raw)


def _document(payload: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError as error:
        raise MalformedAnswer("not JSON") from error
    if not isinstance(document, dict) or set(document) - _KNOWN:
        raise MalformedAnswer("not an object of a proxy integration")
    if isinstance(document.get("body"), list | dict):
        raise MalformedAnswer("the body is not text")
    return document


def status_of(document: Mapping[str, Any]) -> int:
    """Return the status that a function answered with; raises MalformedAnswer."""
    try:
        status = int(document.get("statusCode", 200))
    except (TypeError, ValueError) as error:
        raise MalformedAnswer("the status is not a number") from error
    if not 100 <= status <= 599:
        raise MalformedAnswer(f"{status} is not an HTTP status")
    return status


def headers_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the headers that a function answered with; raises MalformedAnswer."""
    single = document.get("headers") or {}
    multiple = document.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multiple, dict):
        raise MalformedAnswer("headers are not an object")
    merged = {name: [value] for name, value in single.items() if name not in multiple}
    merged.update(multiple)
    if "content-type" not in {name.lower() for name in merged}:
        yield "Content-Type", "application/json"
    for name, values in merged.items():
        shown = f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name
        for value in values:
            yield shown, _text(value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.replace("\r", "").replace("\n", "")

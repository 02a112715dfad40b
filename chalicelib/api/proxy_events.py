"""API Gateway's proxy event, for functions that serve paths of the API themselves.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

Event = Mapping[str, Any]


def header_of(event: Event, wanted: str) -> str | None:
    """Return the value of a header, or None; `wanted` is in lower case."""
    headers: Mapping[str, str] = event.get("headers") or {}
    return next((value for name, value in headers.items() if name.lower() == wanted), None)


def body_of(event: Event) -> bytes:
    """Return the bytes of the body, empty if there is none."""
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else str(body).encode()


def request_id_in(event: Event) -> str:
    """Return API Gateway's id of the request, which is also the correlation id."""
    return str(event["requestContext"]["requestId"])


def tenant_in(event: Event) -> str:
    """Return the tenant of the request's API key, as the authorizer found it."""
    return str(event["requestContext"]["authorizer"]["tenant"])


def key_in(event: Event) -> str:
    """Return the id of the API key: the beginning of its hash, as in access logs."""
    return str(event["requestContext"]["authorizer"].get("key", ""))

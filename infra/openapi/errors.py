"""Error responses of the API by status: our own, and the gateway's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.contracts.http import RETRY_AFTER, STATUS_OF
from chalicelib.contracts.operations import Operation
from chalicelib.errors import Conflict

ERROR_BODY = {"$ref": "#/components/schemas/ErrorBody"}
REQUEST_ID = {"$ref": "#/components/headers/RequestId"}

_NAMED = {
    400: ("BadRequest", "A field or parameter is missing, unknown or out of bounds."),
    401: ("Unauthorized", "There is no API key, or what there is has not the form of one."),
    403: (
        "Forbidden",
        "The API key is unknown, was revoked, or is not an operator's where that is asked for.",
    ),
    404: ("NotFound", "There is no such thing, or not for this tenant."),
    409: ("Conflict", "The request contradicts what is there."),
    413: ("RequestTooLarge", "The body is larger than API Gateway or the function takes."),
    415: ("UnsupportedMediaType", "The body is not of the type that the route takes."),
    422: ("Unsupported", "The request is well formed, and asks for what cannot be done."),
    429: ("TooManyRequests", "Too much at once, or a limit is used up."),
    500: ("InternalError", "Our fault; the log has it under the request id."),
    502: ("BadGateway", "A model or a function gave no usable output."),
    503: ("Unavailable", "A service behind the API did not answer."),
    504: ("TimedOut", "The answer took longer than the gateway waits."),
}
_ALWAYS = (413, 415, 429, 500, 502, 503, 504)
_KEYED = (400, 401, 403)
_NO_KEY = 401
_RETRIED = {*(STATUS_OF[kind] for kind in RETRY_AFTER), 504}
_EXAMPLES = {
    400: ("InvalidInput", "top_k: Input should be less than or equal to 1000.", "top_k", "1000"),
    401: (
        "Unauthorized",
        "The request has no API key, or none of its form; send Authorization: Bearer <key>.",
        None,
    ),
    403: ("Forbidden", "The API key is unknown, was revoked, or is no operator's."),
    404: ("NotFound", "There is no document doc_zsmcdv3nqh7ouvzzhfllarcx.", "document_id"),
    409: (
        "Conflict",
        "This Idempotency-Key was used for a different request; use a new key.",
        "Idempotency-Key",
    ),
    413: (
        "RequestTooLarge",
        (
            "The body is larger than the 6 MB that a function takes, where binary bodies count as "
            "base64. Send fewer or smaller texts, pictures and recordings; documents go where POST "
            "/v1/documents says, files of calls where POST /v1/generations/batches/uploads says."
        ),
        "body",
        "6291456",
    ),
    415: (
        "UnsupportedMediaType",
        "This route takes application/json; send Content-Type: application/json, not 'text/plain'.",
        "Content-Type",
        "application/json",
    ),
    422: ("Unsupported", "No model can answer this. Left out (of tier 1): Nova Micro.", "model"),
    429: ("Throttled", "Too many requests; try again a little later.", None),
    500: ("InternalError", "The request failed inside the service.", None),
    502: ("ModelFailure", "A model gave no usable output.", None),
    503: ("Transient", "A service behind the API did not answer; try again.", None),
    504: ("Transient", "The answer took too long; try again.", None),
}


def statuses(keyed: bool, operation: Operation) -> list[int]:
    """Return the error statuses that a route may answer, in order."""
    own = {STATUS_OF[kind] for kind in operation.errors}
    repeated = {STATUS_OF[Conflict]} if operation.once else set()
    return sorted({*_ALWAYS, *(_KEYED if keyed else ()), *own, *repeated})


def reference(status: int) -> Mapping[str, str]:
    """Return the reference to the response of `status`."""
    return {"$ref": f"#/components/responses/{_NAMED[status][0]}"}


def responses() -> Mapping[str, Any]:
    """Return the responses of all errors, by name."""
    return {name: _response(status, text) for status, (name, text) in _NAMED.items()}


def headers() -> Mapping[str, Any]:
    """Return the headers that answers share, by name."""
    return {
        "RequestId": {
            "description": "The id under which logs have the request.",
            "schema": {"type": "string"},
            "example": "876494bf-5d0e-4c3f-8b8a-3c1b9d1a9d8e",
        },
        "RetryAfter": {
            "description": "Seconds after which the same request may succeed.",
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
            "example": "1",
        },
        "Challenge": {
            "description": "How to send a key.",
            "schema": {"type": "string"},
            "example": "Bearer",
        },
    }


def _response(status: int, text: str) -> dict[str, Any]:
    kind, message, *mend = _EXAMPLES[status]
    field, limit = (*mend, None, None)[:2]
    error = {
        "type": kind,
        "message": message,
        "field": field,
        "limit": limit,
        "request_id": "876494bf-5d0e-4c3f-8b8a-3c1b9d1a9d8e",
    }
    sent: dict[str, Any] = {"x-amzn-RequestId": REQUEST_ID}
    if status in _RETRIED:
        sent["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
    if status == _NO_KEY:
        sent["WWW-Authenticate"] = {"$ref": "#/components/headers/Challenge"}
    return {
        "description": text,
        "headers": sent,
        "content": {"application/json": {"schema": ERROR_BODY, "example": {"error": error}}},
    }

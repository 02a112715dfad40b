"""Errors as the HTTP API tells them, and bodies as it takes them, whoever answers.

Every error leaves as `{"error": {"type", "message", "field", "limit", "request_id"}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.contracts.api import ErrorBody, ErrorDetail
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)

Body = TypeVar("Body", bound=BaseModel)

STATUS_OF: Mapping[type[HeadraceError], int] = {
    InvalidInput: 400,
    NotFound: 404,
    Conflict: 409,
    Unsupported: 422,
    QuotaExceeded: 429,
    Throttled: 429,
    ModelFailure: 502,
    Transient: 503,
    HeadraceError: 500,
}
RETRY_AFTER: Mapping[type[HeadraceError], int] = {QuotaExceeded: 60, Throttled: 1, Transient: 1}
"""Seconds after which the same request may succeed."""
SAID_INSTEAD: Mapping[type[HeadraceError], str] = {
    Throttled: "The service is asked for more than it can do now; try again a little later.",
    Transient: "A service behind the API did not answer; try again.",
    ModelFailure: "A model gave no usable output.",
    HeadraceError: "The request failed inside the service.",
}
"""For errors that no caller can mend; what was wrong is in the log, under the request id."""

_LIMITS = ("max_length", "min_length", "le", "ge", "lt", "gt", "pattern", "expected")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
"""What API Gateway hands on in place of bytes that are no UTF-8, before we see them."""


def kind_of(error: HeadraceError) -> type[HeadraceError]:
    """Return the error of the table that `error` is told as."""
    return next(known for known in type(error).__mro__ if known in STATUS_OF)


def error_body(error: HeadraceError, request_id: str) -> ErrorBody:
    """Return what a caller is told of `error`."""
    kind = kind_of(error)
    detail = ErrorDetail(
        type=kind.__name__,
        message=SAID_INSTEAD.get(kind, error.message),
        field=error.field,
        limit=error.limit,
        request_id=request_id,
    )
    return ErrorBody(error=detail)


def parsed(raw: bytes | str, model: type[Body]) -> Body:
    """Return a JSON body as `model`, or raise `InvalidInput` naming the field."""
    raw = raw.encode() if isinstance(raw, str) else raw
    if not raw:
        raise InvalidInput("The request needs a JSON body.", field="body")
    if _REPLACEMENT in raw:
        raise InvalidInput(
            "The body is not UTF-8, or holds U+FFFD, which stands for bytes that are not; "
            "where that character is meant, write it as \\ufffd.",
            field="body",
        )
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> InvalidInput:
    """Return the first complaint of pydantic in our words."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    if first["type"] == "extra_forbidden":
        return InvalidInput(f"Unknown field {field!r}.", field=field)
    if first["type"] == "json_invalid":
        return InvalidInput(f"The body is not JSON: {first['msg']}.", field="body")
    if first["type"] == "missing":
        return InvalidInput(f"The field {field!r} is required.", field=field)
    context: Mapping[str, Any] = first.get("ctx", {})
    limit = next((str(context[name]) for name in _LIMITS if name in context), None)
    return InvalidInput(f"{field}: {first['msg']}.", field=field, limit=limit)

"""Errors in the form of OpenAI's API.

https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.contracts.http import STATUS_OF, kind_of, said
from chalicelib.contracts.openai.base import ErrorObject, ErrorResponse
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

_BAD_REQUEST = 400

STATUS: Mapping[type[HeadraceError], int] = {**STATUS_OF, Unsupported: _BAD_REQUEST}
"""HTTP statuses; OpenAI reports what it does not support like any other mistake in a request."""

_INVALID = "invalid_request_error"
_SERVER = "server_error"
_KINDS: Mapping[type[HeadraceError], tuple[str, str | None]] = {
    InvalidInput: (_INVALID, "invalid_value"),
    Unsupported: (_INVALID, "unsupported_value"),
    NotFound: (_INVALID, "not_found"),
    Conflict: (_INVALID, "conflict"),
    QuotaExceeded: ("insufficient_quota", "insufficient_quota"),
    Throttled: ("rate_limit_error", "rate_limit_exceeded"),
    Transient: (_SERVER, "service_unavailable"),
    ModelFailure: (_SERVER, "model_error"),
    HeadraceError: (_SERVER, None),
}
_NO_MODEL = "model_not_found"
_TOO_LONG = "context_length_exceeded"
_TEXT_FIELDS = ("messages", "input")


def error_response(error: HeadraceError, request_id: str) -> tuple[int, ErrorResponse]:
    """Return the status and the body for `error`."""
    kind = kind_of(error)
    type_, code = _KINDS[kind]
    if kind is NotFound and error.field == "model":
        code = _NO_MODEL
    if kind is Unsupported and error.field in _TEXT_FIELDS and error.limit is not None:
        code = _TOO_LONG
    body = ErrorObject(
        message=said(error),
        type=type_,
        param=error.field,
        code=code,
        field=error.field,
        limit=error.limit,
        request_id=request_id,
    )
    return STATUS[kind], ErrorResponse(error=body)

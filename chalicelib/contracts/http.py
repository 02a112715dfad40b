"""Errors, request bodies and streamed responses of the HTTP API, whichever function answers.

Every error leaves as `{"error": {"type", "message", "field", "limit", "request_id"}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.contracts.base import Contract
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NoAnswer,
    NotFound,
    NotPermitted,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Head:
    """The status and headers of a streamed HTTP response."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Streamed:
    """An HTTP response whose body is produced while it is sent."""

    head: Head
    body: Iterable[bytes]


class ErrorDetail(Contract):
    """The description of an error; `field` and `limit` name what to fix, if anything."""

    type: str
    message: str
    field: str | None = None
    limit: str | None = None
    request_id: str


class ErrorBody(Contract):
    """The body of every answer that is an error."""

    error: ErrorDetail


STATUS_OF: Mapping[type[HeadraceError], int] = {
    InvalidInput: 400,
    NotPermitted: 403,
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
"""Seconds after which the same request may succeed, where an error does not say them itself."""
SAID_INSTEAD: Mapping[type[HeadraceError], str] = {
    Throttled: "The service is asked for more than it can do now; try again a little later.",
    Transient: "A service behind the API did not answer; try again.",
    ModelFailure: "A model gave no usable output.",
    HeadraceError: "The request failed inside the service.",
}
"""For errors that no caller can mend; what was wrong is in the log, under the request id."""

_LIMITS = ("max_length", "min_length", "le", "ge", "lt", "gt", "pattern", "expected")
_OF_VALIDATOR = "Value error, "
"""Before the message of a `ValueError` that a validator of ours raised."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
"""The character that API Gateway puts in place of bytes that are not UTF-8."""
ANY_ORIGIN = "*"
NO_ORIGIN = "none"
_READABLE = "Retry-After, x-amzn-RequestId, ETag"


def cross_origin(allowed: str, origin: str | None) -> dict[str, str]:
    """Return the headers by which a page of `origin` may read an answer, if it may.

    `allowed` is `*`, `none`, or origins with commas between. No cookies are spoken of: who may
    call is decided by the key alone. https://fetch.spec.whatwg.org/#http-cors-protocol
    """
    if allowed == NO_ORIGIN:
        return {}
    if allowed == ANY_ORIGIN:
        told, varies = ANY_ORIGIN, {}
    else:
        told = origin if origin in allowed.split(",") else ""
        varies = {"Vary": "Origin"}
    if not origin or not told:
        return varies
    return {
        "Access-Control-Allow-Origin": told,
        "Access-Control-Expose-Headers": _READABLE,
        **varies,
    }


def kind_of(error: HeadraceError) -> type[HeadraceError]:
    """Return the error of the table that `error` is told as."""
    return next(known for known in type(error).__mro__ if known in STATUS_OF)


def retry_after(error: HeadraceError) -> int | None:
    """Return after how many seconds the same request may succeed, None where it never will."""
    return error.retry_after if error.retry_after is not None else RETRY_AFTER.get(kind_of(error))


def said(error: HeadraceError) -> str:
    """Return what a caller is told in words."""
    if error.retry_after is not None or isinstance(error, NoAnswer):
        return error.message
    return SAID_INSTEAD.get(kind_of(error), error.message)


def error_body(error: HeadraceError, request_id: str) -> ErrorBody:
    """Return what a caller is told of `error`."""
    kind = kind_of(error)
    detail = ErrorDetail(
        type=kind.__name__,
        message=said(error),
        field=error.field,
        limit=error.limit,
        request_id=request_id,
    )
    return ErrorBody(error=detail)


def parsed(raw: bytes | str, model: type[Body], *, plain: bool = False) -> Body:
    """Return a JSON body as `model`, or raise `InvalidInput` naming the field.

    `plain` names it as the body has it: without which of several models was tried on it.
    """
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
        raise _invalid(error, raw if plain else None) from error


def _place(loc: tuple[int | str, ...], raw: bytes, *, missing: bool) -> Iterator[str]:
    """Yield the way to what is wrong, without the names of what pydantic tried on it, of which the
    body has none; the last step is not in the body where that is what is `missing`.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return
    for n, part in enumerate(loc):
        inside = isinstance(found, dict) and part in found
        if inside or (isinstance(found, list) and isinstance(part, int) and part < len(found)):
            found = found[part]
            yield str(part)
        elif missing and n == len(loc) - 1:
            yield str(part)


def _invalid(error: ValidationError, raw: bytes | None) -> InvalidInput:
    """Return the first complaint of pydantic in our words, its place by `raw` where given."""
    first = error.errors(include_url=False, include_input=False)[0]
    place: Iterator[str] = map(str, first["loc"])
    if raw is not None:
        place = _place(first["loc"], raw, missing=first["type"] == "missing")
    field = ".".join(place) or "body"
    if first["type"] == "extra_forbidden":
        return InvalidInput(f"Unknown field {field!r}.", field=field)
    if first["type"] == "json_invalid":
        return InvalidInput(f"The body is not JSON: {first['msg']}.", field="body")
    if first["type"] == "missing":
        return InvalidInput(f"The field {field!r} is required.", field=field)
    context: Mapping[str, Any] = first.get("ctx", {})
    limit = next((str(context[name]) for name in _LIMITS if name in context), None)
    message = first["msg"].removeprefix(_OF_VALIDATOR)
    return InvalidInput(f"{field}: {message}.", field=field, limit=limit)

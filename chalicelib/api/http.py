"""Between HTTP and the views: bodies in, JSON out, and the one table of errors.

Every error leaves as `{"error": {"type", "message", "field", "limit", "request_id"}}`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel, ValidationError

from chalicelib.contracts import ErrorBody, ErrorDetail
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
from chalicelib.observability import logger

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

SERVICE = "api"
"""The name under which the API logs and counts."""

_FRAMEWORK_TYPES = {
    "BadRequestError": "InvalidInput",
    "MethodNotAllowedError": "MethodNotAllowed",
    "UnsupportedMediaType": "UnsupportedMediaType",
    "InternalServerError": "InternalError",
}
_JSON = {"Content-Type": "application/json"}
_LIMITS = ("max_length", "min_length", "le", "ge", "lt", "gt", "pattern", "expected")

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
"""What API Gateway hands on in place of bytes that are no UTF-8, before we see them."""

P = ParamSpec("P")
Body = TypeVar("Body", bound=BaseModel)
View = Callable[P, Response]


def json_response(body: BaseModel | str, status: int = 200) -> Response:
    """Return `body`, a contract or JSON already written, as an answer."""
    text = body if isinstance(body, str) else body.model_dump_json()
    return Response(body=text, status_code=status, headers=dict(_JSON))


def request_id_of(request: Request) -> str:
    """Return API Gateway's id of the request, which is also the correlation id."""
    given = request.context.get("requestId")
    return str(given or getattr(request.lambda_context, "aws_request_id", ""))


def tenant_of(request: Request) -> str:
    """Return the tenant that the authorizer found for the key."""
    return str(request.context["authorizer"]["tenant"])


def answering(blueprint: Blueprint) -> Callable[[View[P]], View[P]]:
    """Make views of `blueprint` answer our errors by the table, instead of as a fault."""

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
            try:
                return view(*args, **kwargs)
            except HeadraceError as error:
                told = {"error": type(error).__name__, "why": error.message}
                logger(SERVICE).info("refused", extra=told)
                return error_response(error, request_id_of(blueprint.current_request))

        return answered

    return decorate


def error_response(error: HeadraceError, request_id: str) -> Response:
    """Return the answer for `error` by the table."""
    kind = next(known for known in type(error).__mro__ if known in STATUS_OF)
    response = _error(
        STATUS_OF[kind],
        ErrorDetail(
            type=kind.__name__,
            message=SAID_INSTEAD.get(kind, error.message),
            field=error.field,
            limit=error.limit,
            request_id=request_id,
        ),
    )
    if kind in RETRY_AFTER:
        response.headers["Retry-After"] = str(RETRY_AFTER[kind])
    return response


def framework_errors(event: Request, get_response: Callable[[Request], Response]) -> Response:
    """Chalice middleware: give the errors that Chalice words itself the one body."""
    response = get_response(event)
    body = response.body
    if not (isinstance(body, dict) and set(body) == {"Code", "Message"}):
        return response
    code = str(body["Code"])
    uniform = _error(
        response.status_code,
        ErrorDetail(
            type=_FRAMEWORK_TYPES.get(code, code),
            message=str(body["Message"]),
            request_id=request_id_of(event),
        ),
    )
    allow = response.headers.get("Allow")
    if allow:
        uniform.headers["Allow"] = allow
    return uniform


def parse_body(request: Request, model: type[Body]) -> Body:
    """Return the request's JSON body as `model`, or raise `InvalidInput` naming the field."""
    raw = request.raw_body
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


def query_value(request: Request, name: str) -> str | None:
    """Return the query parameter `name`, or None; twice the same name is refused."""
    given = request.query_params
    values = given.getlist(name) if given is not None and name in given else []
    if len(values) > 1:
        raise InvalidInput(f"Give {name} once.", field=name, limit="1")
    return str(values[0]) if values else None


def limit_of(request: Request, most: int) -> int:
    """Return the query parameter `limit`, from 1 to `most`, or `most` where there is none."""
    given = query_value(request, "limit")
    if given is None:
        return most
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= most):
        raise InvalidInput(
            f"limit is a whole number from 1 to {most}.", field="limit", limit=str(most)
        )
    return int(given)


def refuse_unknown_query(request: Request, known: set[str]) -> None:
    """Raise `InvalidInput` for a query parameter that is not among `known`."""
    for name in request.query_params or {}:
        if name not in known:
            raise InvalidInput(
                f"Unknown query parameter {name!r}; known are {', '.join(sorted(known))}.",
                field=name,
            )


def _error(status: int, detail: ErrorDetail) -> Response:
    return json_response(ErrorBody(error=detail), status)


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

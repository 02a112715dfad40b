"""Between HTTP and the views: bodies in, JSON out, errors by the table of `contracts/http.py`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel

from chalicelib.contracts.http import (
    STATUS_OF,
    ErrorBody,
    ErrorDetail,
    cross_origin,
    error_body,
    kind_of,
    parsed,
    retry_after,
)
from chalicelib.errors import HeadraceError, InvalidInput
from chalicelib.observability import log_refusal, logger

if TYPE_CHECKING:
    from chalicelib.contracts.operations import Operation

SERVICE = "api"
"""The name under which the API logs and counts."""
FORM = "multipart/form-data"

_FRAMEWORK_TYPES = {
    "BadRequestError": "InvalidInput",
    "MethodNotAllowedError": "MethodNotAllowed",
    "UnsupportedMediaType": "UnsupportedMediaType",
    "InternalServerError": "InternalError",
}
_JSON = {"Content-Type": "application/json"}

P = ParamSpec("P")
Body = TypeVar("Body", bound=BaseModel)
View = Callable[P, Response]


def utcnow() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


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


def key_of(request: Request) -> str:
    """Return the id of the key that was used: the beginning of its hash, as in access logs."""
    return str(request.context["authorizer"].get("key", ""))


def described(operation: Operation) -> Callable[[View[P]], View[P]]:
    """Keep with a view what it takes and answers, for who reads the routes."""

    def decorate(view: View[P]) -> View[P]:
        vars(view)["operation"] = operation
        return view

    return decorate


def error_response(error: HeadraceError, request_id: str) -> Response:
    """Return the answer for `error` by the table."""
    response = json_response(error_body(error, request_id), STATUS_OF[kind_of(error)])
    seconds = retry_after(error)
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def answering(
    blueprint: Blueprint,
    operation: Operation,
    told: Callable[[HeadraceError, str], Response] = error_response,
) -> Callable[[View[P]], View[P]]:
    """Make a view of `blueprint` the `operation`: it takes no query parameters but its own, and
    answers our errors by `told`, given the request's id, instead of as a fault.
    """

    def decorate(view: View[P]) -> View[P]:
        @described(operation)
        @functools.wraps(view)
        def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
            try:
                _refuse_unknown_query(blueprint.current_request, operation.query_names)
                return view(*args, **kwargs)
            except HeadraceError as error:
                log_refusal(logger(SERVICE), error, answered=True)
                return told(error, request_id_of(blueprint.current_request))
            except Exception:
                # Chalice answers it, and logs it as text, in which no filter of JSON finds a level.
                logger(SERVICE).exception("failed")
                raise

        return answered

    return decorate


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


def readable_for(
    allowed: str,
) -> Callable[[Request, Callable[[Request], Response]], Response]:
    """Return Chalice middleware that lets pages of the `allowed` origins read answers."""

    def allowing(event: Request, get_response: Callable[[Request], Response]) -> Response:
        response = get_response(event)
        response.headers.update(cross_origin(allowed, event.headers.get("origin")))
        return response

    return allowing


def parse_body(request: Request, model: type[Body]) -> Body:
    """Return the request's JSON body as `model`, or raise `InvalidInput` naming the field."""
    return parsed(request.raw_body, model)


def raw_body(request: Request) -> bytes:
    """Return the bytes of the request's body, none where there is none."""
    body = request.raw_body
    return body.encode() if isinstance(body, str) else bytes(body)


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


def _refuse_unknown_query(request: Request, known: frozenset[str]) -> None:
    for name in request.query_params or {}:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise InvalidInput(f"Unknown query parameter {name!r}; known are {listed}.", field=name)


def _error(status: int, detail: ErrorDetail) -> Response:
    return json_response(ErrorBody(error=detail), status)

"""Requests and responses of views: bodies, query parameters, JSON, and errors as HTTP.

The statuses of errors are in the table of `contracts/http.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
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
from chalicelib.errors import HeadraceError, InvalidInput, NotPermitted
from chalicelib.observability import log_refusal, logger

if TYPE_CHECKING:
    from chalicelib.contracts.operations import Operation

SERVICE = "api"
"""The service's name in logs and metrics."""
FORM = "multipart/form-data"
_UNSUPPORTED_MEDIA_TYPE = 415
_MAX_DIGITS = 9

_FRAMEWORK_TYPES = {
    "BadRequestError": "InvalidInput",
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
    """Return a response with `body`, which is a contract or a JSON text."""
    text = body if isinstance(body, str) else body.model_dump_json()
    return Response(body=text, status_code=status, headers=dict(_JSON))


def detailed_response(status: int, detail: ErrorDetail) -> Response:
    """Return the response to an error that none of our own error classes stands for."""
    return json_response(ErrorBody(error=detail), status)


def request_id_of(request: Request) -> str:
    """Return API Gateway's id of the request, which is also the correlation id."""
    given = request.context.get("requestId")
    return str(given or getattr(request.lambda_context, "aws_request_id", ""))


def tenant_of(request: Request) -> str:
    """Return the tenant of the request's API key, as the authorizer found it."""
    return str(request.context["authorizer"]["tenant"])


def key_id_of(request: Request) -> str:
    """Return the id of the API key: the beginning of its hash, as in access logs."""
    return str(request.context["authorizer"].get("key", ""))


def require_operator(request: Request) -> None:
    """Raise `NotPermitted` unless the request's API key is an operator's."""
    # API Gateway hands on what an authorizer says as text.
    if request.context["authorizer"].get("operator") != "true":
        raise NotPermitted(
            "This concerns all tenants of the stage, and takes an operator's API key; an operator"
            " makes one by: python -m infra.tenants --stage STAGE --operator TENANT.",
            field="Authorization",
        )


def reviewer_of(request: Request, name: str | None) -> str:
    """Return a reviewer's id: that of the API key, and the name under it if there is one."""
    key = key_id_of(request)
    return f"{key}/{name}" if name else key


def describe_view(operation: Operation) -> Callable[[View[P]], View[P]]:
    """Attach its `operation` to a view, for the OpenAPI document."""

    def decorate(view: View[P]) -> View[P]:
        vars(view)["operation"] = operation
        return view

    return decorate


def error_response(error: HeadraceError, request_id: str) -> Response:
    """Return the response for `error`."""
    response = json_response(error_body(error, request_id), STATUS_OF[kind_of(error)])
    seconds = retry_after(error)
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def serve_operation(
    blueprint: Blueprint,
    operation: Operation,
    respond: Callable[[HeadraceError, str], Response] = error_response,
) -> Callable[[View[P]], View[P]]:
    """Make a view serve `operation`, and return errors as responses.

    Query parameters that the operation does not have are refused.

    Args:
        blueprint: The blueprint that the view is registered on.
        operation: The parameters, bodies and errors of the view.
        respond: Makes a response of an error and the request's id.
    """

    def decorate(view: View[P]) -> View[P]:
        @describe_view(operation)
        @functools.wraps(view)
        def answered(*args: P.args, **kwargs: P.kwargs) -> Response:
            try:
                _refuse_unknown_query(blueprint.current_request, operation.query_names)
                return view(*args, **kwargs)
            except HeadraceError as error:
                log_refusal(logger(SERVICE), error, answered=True)
                return respond(error, request_id_of(blueprint.current_request))
            except Exception:
                # Chalice answers it, and logs it as text, in which no filter of JSON finds a level.
                logger(SERVICE).exception("failed")
                raise

        return answered

    return decorate


def unify_framework_errors(
    content_types: Callable[[Request], Sequence[str]],
) -> Callable[[Request, Callable[[Request], Response]], Response]:
    """Return Chalice middleware that gives errors that Chalice words itself the body of ours.

    Args:
        content_types: Returns the types of body that the route of a request takes.
    """

    def unifying(event: Request, get_response: Callable[[Request], Response]) -> Response:
        response = get_response(event)
        body = response.body
        if not (isinstance(body, dict) and set(body) == {"Code", "Message"}):
            return response
        code = str(body["Code"])
        detail = ErrorDetail(
            type=_FRAMEWORK_TYPES.get(code, code),
            message=str(body["Message"]),
            request_id=request_id_of(event),
        )
        if response.status_code == _UNSUPPORTED_MEDIA_TYPE:
            taken = " or ".join(content_types(event))
            given = event.headers.get("content-type", "")[:80]
            message = f"This route takes {taken}; send Content-Type: {taken}, not {given!r}."
            told = {"message": message, "field": "Content-Type", "limit": taken}
            detail = detail.model_copy(update=told)
        return detailed_response(response.status_code, detail)

    return unifying


def allow_origins(
    allowed: str,
) -> Callable[[Request, Callable[[Request], Response]], Response]:
    """Return Chalice middleware that lets pages of the `allowed` origins read responses."""

    def allowing(event: Request, get_response: Callable[[Request], Response]) -> Response:
        response = get_response(event)
        response.headers.update(cross_origin(allowed, event.headers.get("origin")))
        return response

    return allowing


def parse_body(request: Request, model: type[Body]) -> Body:
    """Return the request's JSON body as `model`; raise `InvalidInput` naming the wrong field."""
    return parsed(request.raw_body, model)


def raw_body(request: Request) -> bytes:
    """Return the bytes of the request's body, empty if it has none."""
    body = request.raw_body
    return body.encode() if isinstance(body, str) else bytes(body)


def query_value(request: Request, name: str) -> str | None:
    """Return the query parameter `name`, or None; raise `InvalidInput` if it is given twice."""
    given = request.query_params
    values = given.getlist(name) if given is not None and name in given else []
    if len(values) > 1:
        raise InvalidInput(f"Give {name} once.", field=name, limit="1")
    return str(values[0]) if values else None


def limit_of(request: Request, max_limit: int) -> int:
    """Return the query parameter `limit`, 1 to `max_limit`; `max_limit` if it is not given."""
    given = query_number(request, "limit", max_limit)
    return max_limit if given is None else given


def query_number(request: Request, name: str, highest: int) -> int | None:
    """Return the query parameter `name`, 1 to `highest`; None if it is not given."""
    given = query_value(request, name)
    if given is None:
        return None
    # Python refuses to read thousands of digits, with an error that is not ours.
    is_number = given.isascii() and given.isdigit() and len(given) <= _MAX_DIGITS
    if not is_number or not 1 <= int(given) <= highest:
        raise InvalidInput(
            f"{name} is a whole number from 1 to {highest}.", field=name, limit=str(highest)
        )
    return int(given)


def _refuse_unknown_query(request: Request, known: frozenset[str]) -> None:
    for name in request.query_params or {}:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise InvalidInput(f"Unknown query parameter {name!r}; known are {listed}.", field=name)

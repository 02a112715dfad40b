"""Requests of routes that the API does not have: 404 and 405, with the route that is meant.

API Gateway itself answers such a request that carries a key with 403 and a message about an
incomplete signature. So the template sends what no route takes here (infra/openapi/gateway.py).

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from difflib import SequenceMatcher
from http import HTTPStatus
from itertools import zip_longest
from pathlib import Path

from chalice.app import Chalice, Request, Response

from chalicelib.api.http import detailed_response, request_id_of
from chalicelib.contracts.http import ErrorDetail

_DOCUMENT = Path(__file__).with_name("openapi.json")
_MAX_COMPARED = 200
"""Characters of a path that are compared, as comparing takes the square of them."""

_MIN_LIKENESS = 0.6
_REST = "{proxy+}"
"""The variable of the resource that takes what no other does."""
_VARIABLE = re.compile(r"\{\w+\}")


def refuse_unknown_routes(
    app: Chalice,
) -> Callable[[Request, Callable[[Request], Response]], Response]:
    """Return Chalice middleware that answers what no view of `app` takes."""

    def refusing(event: Request, get_response: Callable[[Request], Response]) -> Response:
        resource = str(event.context.get("resourcePath", ""))
        if event.method in app.routes.get(resource, {}):
            return get_response(event)
        return unknown_route(event)

    return refusing


def unknown_route(request: Request) -> Response:
    """Return the response to a request of a route or method that is not there."""
    resource = str(request.context.get("resourcePath", ""))
    methods = _routes().get(resource)
    if methods:
        told = " and ".join(methods)
        text = f"{resource} takes {told}, not {request.method}."
        response = _error(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", text, request)
        response.headers["Allow"] = ", ".join(methods)
        return response
    # The path of the context begins with the stage, unless a domain of one's own hides it.
    rest = (request.uri_params or {}).get("proxy", "")
    path = resource.replace(_REST, rest)[:_MAX_COMPARED]
    nearest = nearest_route(path, request.method)
    text = f"There is no route {request.method} {path}. The nearest is {nearest}; see /v1/docs."
    return _error(HTTPStatus.NOT_FOUND, "NotFound", text, request)


def nearest_route(path: str, method: str) -> str:
    """Return the route, as `GET /v1/health`, whose path is most like `path`.

    Of a path's methods the request's own comes first. What stands for a variable is not compared.
    If no path is like it, that is the route of the documentation.
    """
    known = _routes()
    best = max(known, key=lambda each: (_likeness(path, each), method in known[each]))
    if _likeness(path, best) < _MIN_LIKENESS:
        return "GET /v1/docs"
    chosen = method if method in known[best] else known[best][0]
    return f"{chosen} {best}"


def _likeness(path: str, known: str) -> float:
    given, parts = path.rstrip("/").split("/"), known.split("/")
    pairs = zip_longest(given, parts, fillvalue="")
    fixed = [pair for pair in pairs if not (pair[0] and _VARIABLE.fullmatch(pair[1]))]
    told, meant = ("/".join(texts).lower() for texts in zip(*fixed, strict=True))
    return SequenceMatcher(None, told, meant).ratio()


@functools.cache
def _routes() -> Mapping[str, tuple[str, ...]]:
    """Return the methods of every path, those of other functions too, of the API's document."""
    paths = json.loads(_DOCUMENT.read_bytes())["paths"]
    return {path: tuple(method.upper() for method in methods) for path, methods in paths.items()}


def _error(status: HTTPStatus, kind: str, message: str, request: Request) -> Response:
    detail = ErrorDetail(type=kind, message=message, request_id=request_id_of(request))
    return detailed_response(status.value, detail)

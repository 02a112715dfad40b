"""Call the API's own views within the process, as the MCP server does for its tools.

A call passes through the same view as one over HTTP: the view checks its body, its key's tenant
pays and sees only its own, and an error has the same body.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from chalice.app import AuthRequest, Chalice, ChaliceAuthorizer, Request, Response
from pydantic import JsonValue

from chalicelib.api.application import ServicesOf
from chalicelib.api.http import error_response, request_id_of
from chalicelib.api.idempotency import HEADER
from chalicelib.api.resources import ApiResource, resource_at
from chalicelib.errors import HeadraceError
from chalicelib.mcp.api_calls import ApiCall, ApiRefusalError, ApiResponse
from chalicelib.mcp.jsonrpc import Json

WriteObject = Callable[[str, bytes, Mapping[str, str]], None]
"""Writes an object of the stage's bucket: its key, its content, its user metadata."""
ReadObject = Callable[[str, int], bytes]
"""Returns the first bytes of an object of the stage's bucket, at most as many as are given."""
_USER_METADATA = "x-amz-meta-"
_REFUSED = 400


def _authorize_again(request: AuthRequest) -> NoReturn:
    raise RuntimeError("the client of these calls was authorized with its own request")


_AUTHORIZED = ChaliceAuthorizer("authorized", _authorize_again)
"""Stands where a resource's routes name their authorizer; a view is called behind it."""


class RouteViews:
    """The views of the API, on an app of their own, each resource mounted when it is called."""

    def __init__(self, services_of: ServicesOf, write: WriteObject, read: ReadObject) -> None:
        """Call views whose services are those of `services_of`; files by `write` and `read`."""
        self._app = Chalice("routes", configure_logs=False)
        self._services_of = services_of
        self._mounted: set[ApiResource] = set()
        self.write, self.read = write, read

    def answer(self, request: Request, values: Mapping[str, str]) -> Response:
        """Return the response of the view of a request's route."""
        resource = resource_at(request.method, request.path)
        if resource is None:
            raise LookupError(f"no resource answers {request.method} {request.path}")
        if resource not in self._mounted:
            services = functools.cache(functools.partial(self._services_of, resource))
            self._app.register_blueprint(resource.load().routes(services, _AUTHORIZED))
            self._mounted.add(resource)
        self._app.current_request = request
        view: Callable[..., Response] = self._app.routes[request.path][request.method].view_function
        return view(**values)


class RouteCaller:
    """Calls views as the client of one request: with its tenant, its key and its deadline."""

    def __init__(self, views: RouteViews, request: Request) -> None:
        """Call `views` for the client of `request`."""
        self._views = views
        self._request = request

    def call(self, call: ApiCall) -> ApiResponse:
        """Return the response; raise `ApiRefusalError`."""
        response = self._views.answer(self._inner_request(call), call.path)
        body: Json = json.loads(response.body) if response.body else {}
        if response.status_code >= _REFUSED:
            raise _refusal(response, body)
        return ApiResponse(response.status_code, body)

    def read(self, key: str, max_bytes: int) -> bytes:
        """Return the first bytes of a file that a response named; raise `ApiRefusalError`."""
        with self._refused():
            return self._views.read(key, max_bytes)

    def upload(self, form: Mapping[str, str], content: bytes) -> None:
        """Write the object that a signed form would upload; raise `ApiRefusalError`."""
        metadata = {
            name.removeprefix(_USER_METADATA): value
            for name, value in form.items()
            if name.startswith(_USER_METADATA)
        }
        with self._refused():
            self._views.write(form["key"], content, metadata)

    @contextmanager
    def _refused(self) -> Iterator[None]:
        """Raise errors of files as those of the views."""
        try:
            yield
        except HeadraceError as error:
            response = error_response(error, request_id_of(self._request))
            raise _refusal(response, json.loads(response.body)) from error

    def _inner_request(self, call: ApiCall) -> Request:
        headers = {"content-type": "application/json"}
        if call.idempotency_key:
            headers[HEADER] = call.idempotency_key
        context = {
            **self._request.context,
            "httpMethod": call.method,
            "resourcePath": call.route,
        }
        event = {
            "multiValueQueryStringParameters": {name: [text] for name, text in call.query.items()},
            "headers": headers,
            "pathParameters": dict(call.path) or None,
            "requestContext": context,
            "body": None if call.body is None else _written(call.body),
            "stageVariables": None,
        }
        return Request(event, self._request.lambda_context)


def _written(body: Mapping[str, JsonValue]) -> str:
    """Return a body as JSON, U+FFFD as an escape: a route takes the character for broken bytes."""
    written = json.dumps(body, ensure_ascii=False)
    return written.replace("\N{REPLACEMENT CHARACTER}", "\\ufffd")


def _refusal(response: Response, body: Json) -> ApiRefusalError:
    error = body.get("error")
    seconds = response.headers.get("Retry-After")
    return ApiRefusalError(
        response.status_code,
        error if isinstance(error, dict) else {"type": "InternalError", "message": ""},
        int(str(seconds)) if seconds is not None else None,
    )

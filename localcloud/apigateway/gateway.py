"""The gateway itself: a WSGI application that routes, authorizes, invokes and answers."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from localcloud.apigateway.authorizers import Authorizers, Invoke, Refused
from localcloud.apigateway.description import Method, Mock, Proxy, RestApi
from localcloud.apigateway.gateway_responses import (
    BAD_GATEWAY,
    INTERNAL,
    MISSING_TOKEN,
    THROTTLED,
    TIMED_OUT,
    TOO_LARGE,
    Failure,
    no_signature,
)
from localcloud.apigateway.request import (
    BodyTooLarge,
    HttpRequest,
    authorizer_arn,
    is_binary,
    method_arn,
    proxy_event,
    read,
)
from localcloud.apigateway.response import HttpAnswer, MalformedAnswer, from_function
from localcloud.apigateway.routing import Match, match
from localcloud.apigateway.streamed import Opened, opened
from localcloud.apigateway.throttling import Throttle
from localcloud.apigateway.visit import Visit
from localcloud.errors import AwsError

INTEGRATION_TIMEOUT_S = 29.0
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

Stream = Callable[[str, bytes], Iterator[bytes]]
"""Invokes a function and yields its answer as it comes; raises what keeps it from answering."""

MayInvoke = Callable[[str, str], None]
"""Raises AwsError unless a function lets a method or an authorizer, by its ARN, invoke it."""

StartResponse = Callable[..., Any]
_log = logging.getLogger(__name__)


class ApiGateway:
    """A REST API in front of functions. The URL has no stage, as behind a custom domain."""

    def __init__(
        self,
        invoke: Invoke,
        api: RestApi,
        timeout_s: float = INTEGRATION_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        stream: Stream | None = None,
        may_invoke: MayInvoke | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Serve `api` by `invoke`, streamed methods by `stream`; an integration that is not
        streamed may take `timeout_s` seconds. `may_invoke` is asked first. `log` takes one line a
        request, where the API's settings say how it reads.
        """
        self._throttle = Throttle(api.settings, clock)
        self._access_log = api.settings.access_log
        self._log = log
        self._clock = clock
        self._may_invoke = may_invoke
        self._stream = stream
        self._invoke = invoke
        self._api = api
        self._timeout_s = timeout_s
        self._authorizers = Authorizers(self._in_time, clock, self._check_authorizer)

    def __call__(
        self, environ: Mapping[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        answer: HttpAnswer | Opened | Failure
        visit = Visit(self._clock())
        try:
            request = read(environ)
            answer = self._answer(request, visit)
        except BodyTooLarge as too_large:
            request, answer = too_large.request, TOO_LARGE
        if isinstance(answer, Failure):
            visit.failure = answer.response_type
            answer = self._api.responses.answer(answer, self._variables(request))
        if isinstance(answer, Opened):
            return self._told(visit, request, answer, _stream(answer, request, start_response))
        return self._told(visit, request, answer, _send(answer, request, start_response))

    def _told(
        self,
        visit: Visit,
        request: HttpRequest,
        answer: HttpAnswer | Opened,
        body: Iterable[bytes],
    ) -> Iterable[bytes]:
        """Yield `body`, and log the request once all of it is gone, or the caller is."""
        length = 0
        try:
            for piece in body:
                length += len(piece)
                yield piece
        finally:
            if isinstance(body, Generator):
                body.close()
            if self._access_log is not None and self._log is not None:
                values = self._variables(request) | visit.values(
                    request, answer.status, length, self._clock()
                )
                self._log(self._access_log.line(values, visit.authorizer))

    def _variables(self, request: HttpRequest) -> dict[str, str]:
        """Return the values of `$context.…` that a gateway response may name."""
        return {
            "requestId": request.request_id,
            "httpMethod": request.method,
            "path": request.path,
            "stage": self._api.stage,
        }

    def _answer(self, request: HttpRequest, visit: Visit) -> HttpAnswer | Opened | Failure:
        found = match(self._api.routes, request.path)
        method = self._method(request, found)
        if found is None or method is None:
            return _no_such_route(request)
        visit.resource = found.resource
        if not self._throttle.admits(found.resource, request.method):
            return THROTTLED
        if isinstance(method, Mock):
            headers = (("Content-Type", "application/json"), *method.headers.items())
            return HttpAnswer(method.status, headers, method.body.encode())
        try:
            return self._proxy(request, found, method, visit)
        except Refused as refused:
            return refused.failure
        except TimeoutError:
            return TIMED_OUT
        except MalformedAnswer:
            return BAD_GATEWAY
        except AwsError as error:
            return TOO_LARGE if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else INTERNAL

    def _method(self, request: HttpRequest, found: Match | None) -> Method | None:
        methods = self._api.routes[found.resource] if found else {}
        return methods.get(request.method) or methods.get("ANY")

    def _proxy(
        self, request: HttpRequest, found: Match, method: Proxy, visit: Visit
    ) -> HttpAnswer | Opened | Failure:
        context: dict[str, str] | None = None
        arn = method_arn(self._api, request, self._api.region)
        if method.authorizer is not None:
            token = request.header(method.authorizer.header)
            context = self._authorizers.admit(method.authorizer, token, arn)
            visit.authorizer = context
        refused = method.validation.refusal(request)
        if refused is not None:
            return refused
        if self._may_invoke is not None:
            self._may_invoke(method.function, arn)
        event = proxy_event(self._api, request, found, context)
        if method.streams:
            return opened(self._streaming(method.function, json.dumps(event).encode()))
        result = self._in_time(method.function, json.dumps(event).encode())
        if result.get("FunctionError"):
            return BAD_GATEWAY
        return from_function(
            result["Payload"], is_binary(request.header("Accept"), self._api.binary_types)
        )

    def _check_authorizer(self, function: str, name: str) -> None:
        if self._may_invoke is not None:
            self._may_invoke(function, authorizer_arn(self._api, name, self._api.region))

    def _streaming(self, function: str, payload: bytes) -> Iterator[bytes]:
        if self._stream is None:
            raise AwsError("ServiceException", f"{function} cannot be streamed", 500)
        return self._stream(function, payload)

    def _in_time(self, function: str, payload: bytes) -> Mapping[str, Any]:
        """Invoke `function`, which goes on when this gives up with TimeoutError, as on AWS."""
        done: queue.SimpleQueue[Mapping[str, Any] | AwsError] = queue.SimpleQueue()

        def call() -> None:
            try:
                done.put(self._invoke(function, payload))
            except AwsError as error:
                done.put(error)
            except Exception:  # noqa: BLE001 - a caller waits for an answer, whatever went wrong
                _log.exception("%s could not be invoked", function)
                done.put(AwsError("ServiceException", "The local cloud failed.", 500))

        threading.Thread(target=call, name=f"api-{function}", daemon=True).start()
        try:
            result = done.get(timeout=self._timeout_s)
        except queue.Empty:
            raise TimeoutError(function) from None
        if isinstance(result, AwsError):
            raise result
        return result


def _no_such_route(request: HttpRequest) -> Failure:
    """Answer as AWS does: an Authorization header is taken for a signature, which it is not."""
    authorization = request.header("Authorization")
    if authorization is None:
        return MISSING_TOKEN
    digest = base64.b64encode(hashlib.sha256(authorization.encode()).digest()).decode()
    return no_signature(digest)


def _send(
    answer: HttpAnswer, request: HttpRequest, start_response: StartResponse
) -> Iterable[bytes]:
    headers = [
        *answer.headers,
        ("x-amzn-RequestId", request.request_id),
        ("X-Amzn-Trace-Id", request.trace_id),
        ("Content-Length", str(len(answer.body))),
    ]
    body = b"" if request.method == "HEAD" else answer.body
    start_response(f"{answer.status} {_reason(answer.status)}", headers)
    return [body]


def _stream(answer: Opened, request: HttpRequest, start_response: StartResponse) -> Iterable[bytes]:
    """Send chunks as they come. The status is out, so a function that fails cuts the answer off."""
    headers = [
        *answer.headers,
        ("x-amzn-RequestId", request.request_id),
        ("X-Amzn-Trace-Id", request.trace_id),
    ]
    start_response(f"{answer.status} {_reason(answer.status)}", headers)
    return answer.body


def _reason(status: int) -> str:
    known = {each.value: each.phrase for each in HTTPStatus}
    return re.sub(r"[^ -~]", "", known.get(status, "Unknown"))

"""The gateway: a WSGI application that routes, authorizes, invokes and responds."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from localcloud.apigateway.admission import FunctionAdmission
from localcloud.apigateway.authorizers import Authorizers, Invoke, RequestRefusedError
from localcloud.apigateway.compression import compressed
from localcloud.apigateway.gateway_responses import (
    BAD_GATEWAY,
    FUNCTION_THROTTLED,
    INTERNAL_ERROR,
    MISSING_TOKEN,
    THROTTLED,
    TIMED_OUT,
    TOO_LARGE,
    GatewayFailure,
    incomplete_signature,
)
from localcloud.apigateway.http_request import (
    BodyTooLargeError,
    HttpRequest,
    RequestRecord,
    read_request,
)
from localcloud.apigateway.proxy_event import authorizer_arn, is_binary, method_arn, proxy_event
from localcloud.apigateway.proxy_response import (
    HttpResponse,
    MalformedResponseError,
    StreamedResponse,
    read_response,
    read_streamed_response,
    send_response,
)
from localcloud.apigateway.rest_api import (
    Integration,
    MockIntegration,
    ProxyIntegration,
    ResourceMatch,
    RestApi,
    match_resource,
)
from localcloud.apigateway.stage import MethodThrottle
from localcloud.errors import AwsError
from localcloud.wsgi import StartResponse

INTEGRATION_TIMEOUT_S = 29.0
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

InvokeStream = Callable[[str, bytes], Iterator[bytes]]
"""Invokes a function and yields its response as it comes; raises what prevents a response."""

CheckInvoke = Callable[[str, str], None]
"""Raises AwsError unless a function, by name, lets a method or authorizer, by ARN, invoke it."""

_Response = HttpResponse | StreamedResponse
_log = logging.getLogger(__name__)


class ApiGateway:
    """A REST API in front of functions. The URL has no stage, as behind a custom domain."""

    def __init__(
        self,
        invoke: Invoke,
        api: RestApi,
        timeout_s: float = INTEGRATION_TIMEOUT_S,
        monotonic: Callable[[], float] = time.monotonic,
        stream: InvokeStream | None = None,
        check_invoke: CheckInvoke | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Serve an API.

        Args:
            invoke: Invokes a function and returns what Lambda's Invoke returns.
            api: The API.
            timeout_s: The most seconds of an integration that is not streamed.
            monotonic: Returns seconds.
            stream: Invokes a function whose response is streamed.
            check_invoke: Checks permissions before an invocation; None permits all.
            log: Takes one line a request, if the API's stage has an access log.
        """
        self._admission = FunctionAdmission(api.settings.max_in_flight)
        self._throttle = MethodThrottle(api.settings, monotonic)
        self._access_log = api.settings.access_log
        self._log = log
        self._monotonic = monotonic
        self._check_invoke = check_invoke
        self._stream = stream
        self._invoke = invoke
        self._api = api
        self._timeout_s = timeout_s
        self._authorizers = Authorizers(
            self._invoke_in_time, monotonic, self._check_authorizer_invoke
        )

    def __call__(
        self, environ: Mapping[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer one request."""
        response: _Response | GatewayFailure
        record = RequestRecord(self._monotonic())
        try:
            request = read_request(environ)
            response = self._respond(request, record)
        except BodyTooLargeError as too_large:
            request, response = too_large.request, TOO_LARGE
        if isinstance(response, GatewayFailure):
            record.failure = response.response_type
            response = self._api.responses.response(response, self._variables(request))
        if isinstance(response, HttpResponse):
            min_bytes = self._api.min_compressed_bytes
            response = compressed(response, request.header("Accept-Encoding"), min_bytes)
        body = send_response(response, request, start_response)
        return self._logged(record, request, response.status, body)

    def _logged(
        self, record: RequestRecord, request: HttpRequest, status: int, body: Iterable[bytes]
    ) -> Iterable[bytes]:
        """Yield `body`, and log the request once it is sent or the caller has gone."""
        length = 0
        try:
            for chunk in body:
                length += len(chunk)
                yield chunk
        finally:
            if isinstance(body, Generator):
                body.close()
            if self._access_log is not None and self._log is not None:
                variables = self._variables(request) | record.variables(
                    request, status, length, self._monotonic()
                )
                self._log(self._access_log.line(variables, record.authorizer))

    def _variables(self, request: HttpRequest) -> dict[str, str]:
        """Return the `$context` variables that a gateway response may use."""
        return {
            "requestId": request.request_id,
            "httpMethod": request.method,
            "path": request.path,
            "stage": self._api.stage,
        }

    def _respond(self, request: HttpRequest, record: RequestRecord) -> _Response | GatewayFailure:
        match = match_resource(self._api.routes, request.path)
        integration = self._find_integration(request, match)
        if match is None or integration is None:
            return _no_such_route(request)
        record.resource = match.resource
        if not self._throttle.admits(match.resource, request.method):
            return THROTTLED
        if isinstance(integration, MockIntegration):
            headers = (("Content-Type", "application/json"), *integration.headers.items())
            return HttpResponse(integration.status, headers, integration.body.encode())
        if not self._admission.admits(integration.function):
            return THROTTLED
        try:
            response = self._proxied(request, match, integration, record)
        except BaseException:
            self._admission.release(integration.function)
            raise
        if isinstance(response, StreamedResponse):
            return replace(response, body=self._released(integration.function, response.body))
        self._admission.release(integration.function)
        return response

    def _released(self, function: str, body: Iterator[bytes]) -> Iterator[bytes]:
        """Yield a streamed body, and count its request out when it ends or the caller goes."""
        try:
            yield from body
        finally:
            self._admission.release(function)

    def _proxied(
        self,
        request: HttpRequest,
        match: ResourceMatch,
        integration: ProxyIntegration,
        record: RequestRecord,
    ) -> _Response | GatewayFailure:
        """Return the response of a function, or the failure that API Gateway makes of an error."""
        try:
            return self._call_proxy(request, match, integration, record)
        except RequestRefusedError as refused:
            return refused.failure
        except TimeoutError:
            return TIMED_OUT
        except MalformedResponseError:
            return BAD_GATEWAY
        except AwsError as error:
            if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                return TOO_LARGE
            is_throttled = error.status == HTTPStatus.TOO_MANY_REQUESTS
            return FUNCTION_THROTTLED if is_throttled else INTERNAL_ERROR

    def _find_integration(
        self, request: HttpRequest, match: ResourceMatch | None
    ) -> Integration | None:
        methods = self._api.routes[match.resource] if match else {}
        return methods.get(request.method) or methods.get("ANY")

    def _call_proxy(
        self,
        request: HttpRequest,
        match: ResourceMatch,
        integration: ProxyIntegration,
        record: RequestRecord,
    ) -> _Response | GatewayFailure:
        context: dict[str, str] | None = None
        arn = method_arn(self._api, request)
        if integration.authorizer is not None:
            token = request.header(integration.authorizer.header)
            context = self._authorizers.authorize(integration.authorizer, token, arn)
            record.authorizer = context
        failure = integration.validation.check(request)
        if failure is not None:
            return failure
        if self._check_invoke is not None:
            self._check_invoke(integration.function, arn)
        event = json.dumps(proxy_event(self._api, request, match, context)).encode()
        if integration.streams:
            return read_streamed_response(self._invoke_stream(integration.function, event))
        result = self._invoke_in_time(integration.function, event)
        if result.get("FunctionError"):
            return BAD_GATEWAY
        decode_binary = is_binary(request.header("Accept"), self._api.binary_types)
        return read_response(result["Payload"], decode_binary)

    def _check_authorizer_invoke(self, function: str, name: str) -> None:
        if self._check_invoke is not None:
            self._check_invoke(function, authorizer_arn(self._api, name))

    def _invoke_stream(self, function: str, payload: bytes) -> Iterator[bytes]:
        if self._stream is None:
            raise AwsError("ServiceException", f"{function} cannot be streamed", 500)
        return self._stream(function, payload)

    def _invoke_in_time(self, function: str, payload: bytes) -> Mapping[str, Any]:
        """Invoke a function; after a TimeoutError it runs on, as on AWS."""
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


def _no_such_route(request: HttpRequest) -> GatewayFailure:
    """Return AWS's response: it takes an Authorization header for a signature, which it is not."""
    authorization = request.header("Authorization")
    if authorization is None:
        return MISSING_TOKEN
    digest = base64.b64encode(hashlib.sha256(authorization.encode()).digest()).decode()
    return incomplete_signature(digest)

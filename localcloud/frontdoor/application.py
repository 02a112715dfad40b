"""The front door: a WSGI application that dispatches each request to its service.

A signed request names its service in the credential scope. A browser's form upload goes to S3,
a path under `/_headrace/` to the local cloud's own admin applications, and everything else to
the API, as behind API Gateway.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from localcloud.errors import AwsError, unsupported
from localcloud.frontdoor.request import FrontDoorRequest, raw_params
from localcloud.iam import sts
from localcloud.iam.guard import AccessGuard, Caller
from localcloud.moto.engine import HOSTS, MotoEngine
from localcloud.moto.journal import RawCall
from localcloud.service import (
    ADMINISTRATOR,
    CallInterceptor,
    Result,
    Service,
    ServiceCall,
    call_through,
    find_operation,
)
from localcloud.wire import responses
from localcloud.wire.responses import WireResponse
from localcloud.wire.service_models import OperationMatch, service_model
from localcloud.wsgi import Environ, StartResponse, WsgiApp

_XML_SERVICES = frozenset({"sns", "iam", "sts"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backends:
    """The services and applications that the front door dispatches to.

    `services` are by signing name; of several with one name, the first that has the operation
    serves it.
    """

    services: Mapping[str, tuple[Service, ...]]
    moto: MotoEngine
    s3: WsgiApp
    api: WsgiApp


@dataclass(frozen=True, slots=True)
class Interceptors:
    """Interceptors of every call: `usage` is outermost, `faults` just before the service.

    `admin` are the local cloud's own applications, by the path that each begins with.
    """

    usage: CallInterceptor = call_through
    faults: CallInterceptor = call_through
    admin: Mapping[str, WsgiApp] = field(default_factory=dict)


class FrontDoor:
    """The WSGI application of the local cloud."""

    def __init__(
        self,
        backends: Backends,
        guard: AccessGuard | None = None,
        interceptors: Interceptors | None = None,
    ) -> None:
        """Dispatch to `backends`; without a `guard` every signature may do everything.

        S3 and the API check permissions themselves.
        """
        self._backends = backends
        self._guard = guard
        self._interceptors = interceptors or Interceptors()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = FrontDoorRequest.from_environ(environ)
        service = request.signing_name
        if service == "s3" or (service is None and request.is_form_upload):
            return self._backends.s3(environ, start_response)
        if service in (None, "execute-api"):
            return self._unsigned_app(request)(environ, start_response)
        return _send(self._answer(service, request), start_response)

    def _unsigned_app(self, request: FrontDoorRequest) -> WsgiApp:
        for path, application in self._interceptors.admin.items():
            if request.path == path or request.path.startswith(f"{path}/"):
                return application
        return self._backends.api

    def _answer(self, signing_name: str, request: FrontDoorRequest) -> WireResponse:
        request_id = str(uuid4())
        model = None
        try:
            if signing_name in HOSTS:
                call = request.raw_call(signing_name)
                return _with_request_id(self._call_moto(call, request), request_id)
            service, match = self._find(signing_name, request)
            model = service_model(service.name)
            response = self._call_service(service, match, request, request_id)
            return _with_request_id(response, request_id)
        except AwsError as error:
            if signing_name in _XML_SERVICES:
                return responses.query_error_response(error, request_id)
            return responses.error_response(model, error, request_id)
        except Exception:  # noqa: BLE001 - a bug must answer as AWS's own faults do, and be seen
            _log.exception("%s %s failed inside the local cloud", request.method, request.path)
            fault = AwsError("InternalFailure", "The local cloud failed; its log says why.", 500)
            return responses.error_response(model, fault, request_id)

    def _call_moto(self, raw_call: RawCall, request: FrontDoorRequest) -> WireResponse:
        service, operation = raw_call.service, raw_call.operation
        if self._guard is None:
            call = ServiceCall(service, operation, {})
            return self._interceptors.faults(call, lambda: self._backends.moto.handle(raw_call))
        params = raw_params(raw_call)
        caller = self._guard.authenticate(service, request.access_key, request.session_token)
        self._guard.authorize_call(caller, service, operation, params)
        if service == "sts":
            session = sts.answer_sts(self._guard, caller, operation, params)
            if session is not None:
                return session
        call = ServiceCall(service, operation, params, caller.name)
        response = self._interceptors.faults(call, lambda: self._backends.moto.handle(raw_call))
        self._guard.invalidate_after(service, operation)
        return response

    def _call_service(
        self, service: Service, match: OperationMatch, request: FrontDoorRequest, request_id: str
    ) -> WireResponse:
        operation = match.operation
        caller = None
        if self._guard is not None:
            caller = self._guard.authenticate(
                service.name, request.access_key, request.session_token
            )
        caller_name = caller.name if caller is not None else ADMINISTRATOR
        call = ServiceCall(service.name, operation.name, match.labels, caller_name, request_id)
        result = self._interceptors.usage(
            call, lambda: self._serve(service, match, request, caller, call)
        )
        if self._guard is not None:
            self._guard.invalidate_after(service.name, operation.name)
        return responses.success_response(operation, result)

    def _serve(
        self,
        service: Service,
        match: OperationMatch,
        request: FrontDoorRequest,
        caller: Caller | None,
        call: ServiceCall,
    ) -> Result:
        method = find_operation(service, call.operation)
        if method is None:
            raise unsupported(service.name, f"the operation {call.operation}")
        params = request.params(match)
        if self._guard is not None and caller is not None:
            self._guard.authorize_call(caller, service.name, call.operation, params)
        return self._interceptors.faults(replace(call, params=params), lambda: method(params))

    def _find(self, signing_name: str, request: FrontDoorRequest) -> tuple[Service, OperationMatch]:
        candidates = self._backends.services.get(signing_name, ())
        if not candidates:
            raise unsupported(signing_name, "any operation")
        for service in candidates:
            match = request.match(service)
            if match is not None:
                return service, match
        raise AwsError(
            "UnknownOperationException",
            f"{signing_name} has no operation {request.method} {request.path}.",
            404,
        )


def _with_request_id(response: WireResponse, request_id: str) -> WireResponse:
    headers = {"x-amzn-requestid": request_id, **response.headers}
    return WireResponse(response.status, headers, response.body)


def _send(response: WireResponse, start_response: StartResponse) -> Iterable[bytes]:
    headers = list(response.headers.items())
    if isinstance(response.body, bytes):
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {'OK' if response.status < 400 else 'Error'}", headers)
    return [response.body] if isinstance(response.body, bytes) else _log_errors(response.body)


def _log_errors(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception:
        _log.exception("a streamed response broke off")
        raise

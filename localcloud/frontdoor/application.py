"""The front door: a WSGI application that dispatches each request to its service.

A request with a signature in its Authorization header goes to the service that the credential
scope names, once the signature is verified. Of those without, a presigned URL or a browser's form
upload goes to S3, which verifies them, a path under `/_headrace/` to the local cloud's own admin
applications, and everything else to the API, as behind API Gateway.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from localcloud.dynamodb.service import NAME as DYNAMODB
from localcloud.dynamodb.service import DynamoDbService
from localcloud.errors import AwsError, unsupported
from localcloud.frontdoor import error_formats
from localcloud.frontdoor.moto_calls import call_params, read_call
from localcloud.frontdoor.request import FrontDoorRequest
from localcloud.iam import sts
from localcloud.iam.guard import AccessGuard, Caller
from localcloud.iam.request_signature import RequestSignature
from localcloud.moto.engine import HOSTS, MotoEngine
from localcloud.moto.journal import RawCall
from localcloud.service import (
    ADMINISTRATOR,
    CallInterceptor,
    Result,
    Service,
    ServiceCall,
    call_through,
    called_as,
    find_operation,
    traced,
    watched,
)
from localcloud.storage_errors import storage_failure
from localcloud.wire import query_protocol, responses
from localcloud.wire.responses import WireResponse
from localcloud.wire.service_models import OperationMatch, service_model
from localcloud.wsgi import Environ, StartResponse, WsgiApp, is_client_gone

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backends:
    """The services and applications that the front door dispatches to.

    `services` are by signing name; of several with one name, the first that has the operation
    serves it. `moto` and `dynamodb` read the bodies of their calls themselves.
    """

    services: Mapping[str, tuple[Service, ...]]
    moto: MotoEngine
    s3: WsgiApp
    api: WsgiApp
    dynamodb: DynamoDbService | None = None


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
        signature = request.signature()
        if signature is None or signature.service == "execute-api":
            application = self._unsigned_app(request)
            is_checked = application is self._backends.api and (signature or request.is_api)
            refusal = None if is_checked else _refuse_claimed_signature(request)
            if refusal is not None:
                return _send(refusal, request, start_response)
            return application(environ, start_response)
        if signature.service == "s3":
            refusal = self._refuse_s3(signature, request)
            if refusal is None:
                return self._backends.s3(environ, start_response)
            return _send(refusal, request, start_response)
        header = request.headers.get("x-amzn-trace-id", "")
        with traced(header), watched(lambda: is_client_gone(environ)):
            response = self._answer(signature, request)
        return _send(response, request, start_response)

    def _unsigned_app(self, request: FrontDoorRequest) -> WsgiApp:
        for path, application in self._interceptors.admin.items():
            if request.path == path or request.path.startswith(f"{path}/"):
                return application
        if request.is_for_bucket or (request.presigned_service and not request.is_api):
            return self._backends.s3
        return self._backends.api

    def _refuse_s3(
        self, signature: RequestSignature, request: FrontDoorRequest
    ) -> WireResponse | None:
        """Return the refusal of a signature; S3 checks presigned URLs and forms itself."""
        try:
            self._authenticate("s3", signature, request, None)
        except AwsError as error:
            return error_formats.error_response("s3", request, error, str(uuid4()))
        return None

    def _authenticate(
        self,
        service: str,
        signature: RequestSignature,
        request: FrontDoorRequest,
        body: bytes | None,
    ) -> Caller | None:
        """Return the caller who signed the request, None if there is no guard."""
        if self._guard is None:
            return None
        caller = self._guard.authenticate(service, signature.access_key, request.session_token)
        self._guard.verify(service, signature, request.signed(body))
        return caller

    def _answer(self, signature: RequestSignature, request: FrontDoorRequest) -> WireResponse:
        request_id, signing_name = str(uuid4()), signature.service
        model = service_model(DYNAMODB) if signing_name == DYNAMODB else None
        try:
            body = request.read_body()
            if signing_name in HOSTS or (signing_name == DYNAMODB and self._backends.dynamodb):
                caller = self._authenticate(signing_name, signature, request, body)
                call = read_call(signing_name, request, body)
                return _with_request_id(self._call_raw(call, caller), request_id)
            service, match = self._find(signing_name, request, body)
            model = service_model(service.name)
            caller = self._authenticate(service.name, signature, request, body)
            response = self._call_service(service, match, (request, body), caller, request_id)
            return _with_request_id(response, request_id)
        except AwsError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - a bug must answer as AWS's faults do, be seen
            _log.exception("%s %s failed inside the local cloud", request.method, request.path)
            failure = storage_failure(error) or AwsError(
                "InternalFailure", "The local cloud failed; its log says why.", 500
            )
        if model is not None and request.speaks_query(model.service_name):
            return query_protocol.xml_error(failure, request_id)
        if model is None:
            return error_formats.error_response(signing_name, request, failure, request_id)
        return responses.error_response(model, failure, request_id)

    def _call_raw(self, raw_call: RawCall, caller: Caller | None) -> WireResponse:
        """Make a call of a service that reads the body itself."""
        service, operation = raw_call.service, raw_call.operation
        params = call_params(raw_call)
        if self._guard is None or caller is None:
            return self._serve_raw(raw_call, ServiceCall(service, operation, params))
        self._guard.authorize_call(caller, service, operation, params)
        if service == "sts":
            session = sts.answer_sts(self._guard, caller, operation, params)
            if session is not None:
                return session
        response = self._serve_raw(raw_call, ServiceCall(service, operation, params, caller.name))
        self._guard.invalidate_after(service, operation)
        return response

    def _serve_raw(self, raw_call: RawCall, call: ServiceCall) -> WireResponse:
        dynamodb = self._backends.dynamodb
        if call.service == DYNAMODB and dynamodb is not None:
            return self._interceptors.faults(
                call, lambda: dynamodb.handle(call.operation, call.params)
            )
        return self._interceptors.faults(call, lambda: self._backends.moto.handle(raw_call))

    def _call_service(
        self,
        service: Service,
        match: OperationMatch,
        sent: tuple[FrontDoorRequest, bytes],
        caller: Caller | None,
        request_id: str,
    ) -> WireResponse:
        operation = match.operation
        caller_name = caller.name if caller is not None else ADMINISTRATOR
        call = ServiceCall(service.name, operation.name, match.labels, caller_name, request_id)
        result = self._interceptors.usage(
            call, lambda: self._serve(service, match, sent, caller, call)
        )
        if self._guard is not None:
            self._guard.invalidate_after(service.name, operation.name)
        if sent[0].speaks_query(service.name):
            return query_protocol.xml_response(operation, result, request_id)
        return responses.success_response(operation, result)

    def _serve(
        self,
        service: Service,
        match: OperationMatch,
        sent: tuple[FrontDoorRequest, bytes],
        caller: Caller | None,
        call: ServiceCall,
    ) -> Result:
        method = find_operation(service, call.operation)
        if method is None:
            raise unsupported(service.name, f"the operation {call.operation}")
        request, body = sent
        params = request.params(match, body)
        if self._guard is not None and caller is not None:
            self._guard.authorize_call(caller, service.name, call.operation, params)
        with called_as((caller.role if caller is not None else None) or ""):
            return self._interceptors.faults(replace(call, params=params), lambda: method(params))

    def _find(
        self, signing_name: str, request: FrontDoorRequest, body: bytes
    ) -> tuple[Service, OperationMatch]:
        candidates = self._backends.services.get(signing_name, ())
        if not candidates:
            raise unsupported(signing_name, "any operation")
        for service in candidates:
            match = request.match(service, body)
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


def _refuse_claimed_signature(request: FrontDoorRequest) -> WireResponse | None:
    """Return the refusal of a header or query that claims a signature which nobody would check.

    Any web page can send a query, so that S3 alone, which verifies it, takes credentials there.
    """
    service = request.presigned_service
    if request.claims_signature:
        error = AwsError(
            "IncompleteSignature",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'.",
            403,
        )
    elif service not in (None, "s3"):
        error = AwsError(
            "MissingAuthenticationToken",
            "The local cloud takes credentials in a query for S3 only; sign in a header.",
            403,
        )
    else:
        return None
    return error_formats.error_response(service or "", request, error, str(uuid4()))


def _send(
    response: WireResponse, request: FrontDoorRequest, start_response: StartResponse
) -> Iterable[bytes]:
    headers = list(response.headers.items())
    if isinstance(response.body, bytes):
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {'OK' if response.status < 400 else 'Error'}", headers)
    if not isinstance(response.body, bytes):
        return _log_errors(response.body)
    return [] if request.method == "HEAD" else [response.body]


def _log_errors(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception:
        _log.exception("a streamed response broke off")
        raise

"""The one door: a WSGI application that hands each request to the service it is for.

A signed request names its service in the credential scope; a browser's form upload goes to
S3, a path under `/_headrace/` to the local cloud's own switches; everything else is the API, as
behind API Gateway.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from localcloud.calls import ADMINISTRATOR, Around, Visit, straight
from localcloud.errors import AwsError, unsupported
from localcloud.iam import sessions
from localcloud.iam.guard import Caller, Guard
from localcloud.motocloud import HOSTS, MotoCloud
from localcloud.motojournal import RawCall
from localcloud.service import Params, Result, Service, operation_of
from localcloud.wire import answers, constraints
from localcloud.wire.answers import Answer
from localcloud.wire.models import Match, match_rest, match_target, service_model
from localcloud.wire.requests import decode, parse_json, parse_rest

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

MAX_BODY = 32 * 1024 * 1024
"""No API but S3 takes a larger body than this; S3 streams."""

_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")
_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name
_FORWARDED = ("x-amz-target", "content-type", "authorization", "x-amz-date", "smithy-protocol")
_XML = frozenset({"sns", "iam", "sts"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rooms:
    """What stands behind the door. `services` are keyed by signing name, tried in order."""

    services: Mapping[str, tuple[Service, ...]]
    moto: MotoCloud
    s3: WsgiApp
    api: WsgiApp
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watching:
    """What stands around every call of a service: `usage` outside, `faults` before the service.

    `switches` are the local cloud's own applications, by the path that each begins with.
    """

    usage: Around = straight
    faults: Around = straight
    switches: Mapping[str, WsgiApp] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    environ: Environ

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.query_string, keep_blank_values=True)

    def body(self) -> bytes:
        stream = self.environ["wsgi.input"]
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            try:
                body = bytes(stream.read(MAX_BODY + 1))
            except ValueError as error:
                raise AwsError("SerializationException", f"The body: {error}") from error
            self._check_length(len(body))
            return body
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        self._check_length(length)
        body = bytes(stream.read(length))
        if len(body) < length:
            raise AwsError(
                "IncompleteBody", f"The body broke off after {len(body)} of {length} bytes."
            )
        return body

    def _check_length(self, length: int) -> None:
        if length > MAX_BODY:
            raise AwsError(
                "RequestEntityTooLargeException",
                f"The body is larger than the {MAX_BODY} bytes that are taken.",
                413,
            )


class FrontDoor:
    """The WSGI application of the local cloud."""

    def __init__(
        self, rooms: Rooms, guard: Guard | None = None, watching: Watching | None = None
    ) -> None:
        """Open the door in front of `rooms`; without a `guard` every signature may do everything.

        S3 and the API have guards of their own.
        """
        self._rooms = rooms
        self._guard = guard
        self._watching = watching or Watching()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = _request_of(environ)
        service = _service_named(request)
        if service == "s3" or (service is None and _is_form_upload(request)):
            return self._rooms.s3(environ, start_response)
        if service in (None, "execute-api"):
            return self._unsigned(request)(environ, start_response)
        return _send(self._answer(service, request), start_response)

    def _unsigned(self, request: _Request) -> WsgiApp:
        for path, switch in self._watching.switches.items():
            if request.path == path or request.path.startswith(f"{path}/"):
                return switch
        return self._rooms.api

    def _answer(self, signing_name: str, request: _Request) -> Answer:
        request_id = str(uuid4())
        model = None
        try:
            if signing_name in HOSTS:
                return _stamped(self._moto(_raw(signing_name, request), request), request_id)
            service, match = self._find(signing_name, request)
            model = service_model(service.name)
            return _stamped(self._call(service, match, request, request_id), request_id)
        except AwsError as error:
            if signing_name in _XML:
                return answers.query_error_answer(error, request_id)
            return answers.error_answer(model, error, request_id)
        except Exception:  # noqa: BLE001 - a bug must answer as AWS's own faults do, and be seen
            _log.exception("%s %s failed inside the local cloud", request.method, request.path)
            fault = AwsError("InternalFailure", "The local cloud failed; its log says why.", 500)
            return answers.error_answer(model, fault, request_id)

    def _moto(self, call: RawCall, request: _Request) -> Answer:
        if self._guard is None:
            visit = Visit(call.service, call.operation, {})
            return self._watching.faults(visit, lambda: self._rooms.moto.handle(call))
        params = _params_of(call)
        caller = _caller(self._guard, call.service, request)
        self._guard.admit(caller, call.service, call.operation, params)
        if call.service == "sts":
            answered = sessions.answer(self._guard, caller, call.operation, params)
            if answered is not None:
                return answered
        visit = Visit(call.service, call.operation, params, caller.name)
        answer = self._watching.faults(visit, lambda: self._rooms.moto.handle(call))
        self._guard.changed(call.service, call.operation)
        return answer

    def _call(self, service: Service, match: Match, request: _Request, request_id: str) -> Answer:
        operation = match.operation
        caller = _caller(self._guard, service.name, request) if self._guard is not None else None
        name = caller.name if caller is not None else ADMINISTRATOR
        visit = Visit(service.name, operation.name, match.labels, name, request_id)
        result = self._watching.usage(
            visit, lambda: self._serve(service, match, request, caller, visit)
        )
        if self._guard is not None:
            self._guard.changed(service.name, operation.name)
        return answers.answer(operation, result)

    def _serve(
        self, service: Service, match: Match, request: _Request, caller: Caller | None, visit: Visit
    ) -> Result:
        operation = match.operation
        method = operation_of(service, operation.name)
        if method is None:
            raise unsupported(service.name, f"the operation {operation.name}")
        params = _parsed(match, request)
        if self._guard is not None and caller is not None:
            self._guard.admit(caller, service.name, operation.name, params)
        return self._watching.faults(replace(visit, params=params), lambda: method(params))

    def _find(self, signing_name: str, request: _Request) -> tuple[Service, Match]:
        candidates = self._rooms.services.get(signing_name, ())
        if not candidates:
            raise unsupported(signing_name, "any operation")
        for service in candidates:
            match = _match(service, request)
            if match is not None:
                return service, match
        raise AwsError(
            "UnknownOperationException",
            f"{signing_name} has no operation {request.method} {request.path}.",
            404,
        )


def _match(service: Service, request: _Request) -> Match | None:
    if "targetPrefix" in service_model(service.name).metadata:
        return match_target(service.name, request.headers.get("x-amz-target", ""))
    return match_rest(service.name, request.method, request.path, request.query)


def _caller(guard: Guard, service: str, request: _Request) -> Caller:
    found = _SCOPE.search(request.headers.get("authorization", ""))
    if found is not None:
        return guard.caller_of(service, found.group(1), request.headers.get(_TOKEN))
    query = {name.lower(): values[0] for name, values in request.query.items()}
    access_key = query.get("x-amz-credential", "").partition("/")[0]
    return guard.caller_of(service, access_key, query.get(_TOKEN))


def _params_of(call: RawCall) -> Params:
    """Return what a call to moto says, as far as permissions go by it: JSON, or a form."""
    if "x-amz-target" not in call.headers:
        form = parse_qs(call.body.decode("utf-8", "replace"))
        return {name: values[0] for name, values in form.items()}
    params = parse_json(call.body)
    if not isinstance(params, dict):
        raise AwsError("SerializationException", "The body must be a JSON object.")
    return params


def _parsed(match: Match, request: _Request) -> Params:
    operation = match.operation
    body = request.body()
    if operation.service_model.metadata["protocol"] == "json":
        shape = operation.input_shape
        params = decode(shape, parse_json(body)) if shape is not None else {}
    else:
        params = parse_rest(operation, match.labels, request.query, request.headers, body)
    constraints.check(operation.input_shape, params)
    return params


def _request_of(environ: Environ) -> _Request:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    raw = str(environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/"))
    path, _, query = re.sub(r"^https?://[^/]*", "", raw).partition("?")
    return _Request(environ["REQUEST_METHOD"], path, query, headers, environ)


def _service_named(request: _Request) -> str | None:
    """Return the signing name in the credential scope, or None for an unsigned request."""
    authorization = request.headers.get("authorization", "")
    found = _SCOPE.search(authorization) if authorization.startswith("AWS4-") else None
    if found:
        return found.group(2)
    if {"AWSAccessKeyId", "Signature"} <= request.query.keys():
        return "s3"  # signature version 2, which boto3 presigns with and only S3 takes
    presigned = request.query.get("X-Amz-Credential")
    return presigned[0].split("/")[-2] if presigned and presigned[0].count("/") > 3 else None


def _is_form_upload(request: _Request) -> bool:
    """Tell whether this is a form posted to a bucket, or its browser's preflight."""
    if request.path.startswith("/v1/") or request.path.strip("/") == "":
        return False
    form = request.headers["content-type"].startswith("multipart/form-data")
    return (request.method == "POST" and form) or request.method == "OPTIONS"


def _raw(signing_name: str, request: _Request) -> RawCall:
    body = request.body()
    target = request.headers.get("x-amz-target", "")
    if target:
        operation = target.rpartition(".")[2]
    elif "/operation/" in request.path:
        operation = request.path.rpartition("/")[2]
    else:
        operation = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    headers = {name: request.headers[name] for name in _FORWARDED if request.headers.get(name)}
    path = request.path + (f"?{request.query_string}" if request.query_string else "")
    return RawCall(signing_name, operation, request.method, path, headers, body)


def _stamped(answer: Answer, request_id: str) -> Answer:
    headers = {"x-amzn-requestid": request_id, **answer.headers}
    return Answer(answer.status, headers, answer.body)


def _send(answer: Answer, start_response: StartResponse) -> Iterable[bytes]:
    headers = [(name, value) for name, value in answer.headers.items()]
    if isinstance(answer.body, bytes):
        headers.append(("Content-Length", str(len(answer.body))))
    start_response(f"{answer.status} {'OK' if answer.status < 400 else 'Error'}", headers)
    return [answer.body] if isinstance(answer.body, bytes) else _guarded(answer.body)


def _guarded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except Exception:
        _log.exception("a streamed answer broke off")
        raise

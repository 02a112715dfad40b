"""A request at the front door: its service, its operation and its parameters, from WSGI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from localcloud.errors import AwsError
from localcloud.moto.journal import RawCall
from localcloud.service import Params, Service
from localcloud.wire import constraints
from localcloud.wire.requests import decode, parse_json, parse_rest
from localcloud.wire.service_models import OperationMatch, match_rest, match_target, service_model
from localcloud.wsgi import Environ

MAX_BODY = 32 * 1024 * 1024
"""The largest body in bytes of every API but S3, which streams."""

_CREDENTIAL_SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/[^/]+/([^/]+)/aws4_request")
_SESSION_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name
_FORWARDED_HEADERS = (
    "x-amz-target",
    "content-type",
    "authorization",
    "x-amz-date",
    "smithy-protocol",
)


@dataclass(frozen=True, slots=True)
class FrontDoorRequest:
    """A request line with headers by lower-case name; `path` is still percent-encoded."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    environ: Environ

    @classmethod
    def from_environ(cls, environ: Environ) -> FrontDoorRequest:
        """Read a WSGI environ; the body stays unread."""
        headers = {
            name[5:].replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        target = str(environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/"))
        path, _, query = re.sub(r"^https?://[^/]*", "", target).partition("?")
        return cls(environ["REQUEST_METHOD"], path, query, headers, environ)

    @property
    def query(self) -> dict[str, list[str]]:
        """The decoded query parameters."""
        return parse_qs(self.query_string, keep_blank_values=True)

    @property
    def signing_name(self) -> str | None:
        """The service in the credential scope of the signature, None if it is unsigned."""
        authorization = self.headers.get("authorization", "")
        scope = (
            _CREDENTIAL_SCOPE.search(authorization) if authorization.startswith("AWS4-") else None
        )
        if scope:
            return scope.group(2)
        if {"AWSAccessKeyId", "Signature"} <= self.query.keys():
            return "s3"  # signature version 2, which boto3 presigns with and only S3 accepts
        credential = self.query.get("X-Amz-Credential")
        return credential[0].split("/")[-2] if credential and credential[0].count("/") > 3 else None

    @property
    def access_key(self) -> str:
        """The access key id that signed the request, "" if none did."""
        scope = _CREDENTIAL_SCOPE.search(self.headers.get("authorization", ""))
        if scope is not None:
            return scope.group(1)
        return self._signature_query().get("x-amz-credential", "").partition("/")[0]

    @property
    def session_token(self) -> str | None:
        """The session token of temporary credentials, None if there is none."""
        if _CREDENTIAL_SCOPE.search(self.headers.get("authorization", "")):
            return self.headers.get(_SESSION_TOKEN)
        return self._signature_query().get(_SESSION_TOKEN)

    def _signature_query(self) -> dict[str, str]:
        return {name.lower(): values[0] for name, values in self.query.items()}

    @property
    def is_form_upload(self) -> bool:
        """Whether this is a form posted to a bucket, or a browser's preflight for one."""
        if self.path.startswith("/v1/") or self.path.strip("/") == "":
            return False
        form = self.headers["content-type"].startswith("multipart/form-data")
        return (self.method == "POST" and form) or self.method == "OPTIONS"

    def body(self) -> bytes:
        """Read the whole body. Raises AwsError if it is too large or incomplete."""
        stream = self.environ["wsgi.input"]
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            try:
                body = bytes(stream.read(MAX_BODY + 1))
            except ValueError as error:
                raise AwsError("SerializationException", f"The body: {error}") from error
            _check_length(len(body))
            return body
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        _check_length(length)
        body = bytes(stream.read(length))
        if len(body) < length:
            raise AwsError(
                "IncompleteBody", f"The body broke off after {len(body)} of {length} bytes."
            )
        return body

    def match(self, service: Service) -> OperationMatch | None:
        """Return the operation of `service` that the request names, or None."""
        if "targetPrefix" in service_model(service.name).metadata:
            return match_target(service.name, self.headers.get("x-amz-target", ""))
        return match_rest(service.name, self.method, self.path, self.query)

    def params(self, match: OperationMatch) -> Params:
        """Read the parameters of the matched operation, checked against its model."""
        operation = match.operation
        body = self.body()
        if operation.service_model.metadata["protocol"] == "json":
            shape = operation.input_shape
            params = decode(shape, parse_json(body)) if shape is not None else {}
        else:
            params = parse_rest(operation, match.labels, self.query, self.headers, body)
        constraints.check(operation.input_shape, params)
        return params

    def raw_call(self, signing_name: str) -> RawCall:
        """Read the call as moto takes it, with the name of its operation."""
        body = self.body()
        target = self.headers.get("x-amz-target", "")
        if target:
            operation = target.rpartition(".")[2]
        elif "/operation/" in self.path:
            operation = self.path.rpartition("/")[2]
        else:
            operation = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
        headers = {
            name: self.headers[name] for name in _FORWARDED_HEADERS if self.headers.get(name)
        }
        path = self.path + (f"?{self.query_string}" if self.query_string else "")
        return RawCall(signing_name, operation, self.method, path, headers, body)


def raw_params(call: RawCall) -> Params:
    """Return the parameters of a call to moto, as permissions need them: of JSON or a form."""
    if "x-amz-target" not in call.headers:
        form = parse_qs(call.body.decode("utf-8", "replace"))
        return {name: values[0] for name, values in form.items()}
    params = parse_json(call.body)
    if not isinstance(params, dict):
        raise AwsError("SerializationException", "The body must be a JSON object.")
    return params


def _check_length(length: int) -> None:
    if length > MAX_BODY:
        raise AwsError(
            "RequestEntityTooLargeException",
            f"The body is larger than the {MAX_BODY} bytes that are taken.",
            413,
        )
